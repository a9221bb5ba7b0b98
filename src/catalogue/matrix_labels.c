/*-------------------------------------------------------------------------
 *
 * matrix_labels.c
 *	  What the catalogue's genres and tags say, by word.
 *
 * Purpose: intern the sets of genres and tags that tracks carry, and post each
 *			word (and each two in a row) to the sets and artists it stands for.
 *			An artist stands for a word by the share of the artist's labelled
 *			tracks that carry it, shrunk: n / (labelled + SHRINK).
 * Runs in: any process with a database.
 * Locks:	those of syscache look-ups.
 * Never:	stem a label twice.
 *
 *-------------------------------------------------------------------------
 */
#include "matrix.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "text.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define SHRINK				2.0f	/* labelled tracks that say nothing */
#define MAX_LABEL_WORDS		16
#define MAX_SET_TERMS		256

/* Keys are 64-bit hashes of what is interned. */
typedef struct Entry
{
	uint64		hash;
	uint32		number;			/* of the set or term */
} Entry;

typedef struct Label
{
	uint64		hash;
	const char *text;
	uint32		nterms;
	uint32	   *terms;
} Label;

static RecoTextTools tools;		/* valid while rows of one page are added */

static uint64
hash_of(const void *bytes, Size len, uint64 seed)
{
	return DatumGetUInt64(hash_any_extended(bytes, (int) len, seed));
}

static HTAB *
make_hash(const char *name, Size entry_size, MemoryContext context)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(uint64);
	control.entrysize = entry_size;
	control.hcxt = context;
	return hash_create(name, 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Prepares an empty matrix: set 0 is the empty one. */
void
reco_matrix_labels_begin(RecoMatrix *matrix)
{
	matrix->set_hash = make_hash("reco tag sets", sizeof(Entry), matrix->context);
	matrix->term_hash = make_hash("reco terms", sizeof(Entry), matrix->context);
	matrix->label_hash = make_hash("reco labels", sizeof(Label), matrix->context);
	matrix->sets_size = 1024;
	matrix->sets =
		MemoryContextAllocZero(matrix->context, sizeof(RecoTagSet) * matrix->sets_size);
	matrix->nsets = 1;
	matrix->terms_size = 1024;
	matrix->terms =
		MemoryContextAllocZero(matrix->context, sizeof(RecoTerm) * matrix->terms_size);
	matrix->postings =
		AllocSetContextCreate(matrix->context, "reco postings", ALLOCSET_DEFAULT_SIZES);
}

/* Returns the number of a term, a new one when the stem is new. */
static uint32
intern_term(RecoMatrix *matrix, const char *stem)
{
	uint64		hash = hash_of(stem, strlen(stem), 0);
	bool		found;
	Entry	   *entry = hash_search(matrix->term_hash, &hash, HASH_ENTER, &found);

	if (found)
		return entry->number;
	if (matrix->nterms == matrix->terms_size)
	{
		matrix->terms =
			repalloc_huge(matrix->terms, sizeof(RecoTerm) * matrix->terms_size * 2);
		memset(matrix->terms + matrix->terms_size, 0,
			   sizeof(RecoTerm) * matrix->terms_size);
		matrix->terms_size *= 2;
	}
	matrix->terms[matrix->nterms].stem = MemoryContextStrdup(matrix->context, stem);
	entry->number = matrix->nterms++;
	return entry->number;
}

/* Returns a label with its terms: each stem, and each two in a row. */
static Label *
intern_label(RecoMatrix *matrix, text *value, bool genre)
{
	uint64		hash = hash_of(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), 1);
	bool		found;
	Label	   *label = hash_search(matrix->label_hash, &hash, HASH_ENTER, &found);

	if (!found)
	{
		RecoWords  *words;
		const char *last = NULL;

		label->nterms = 0;
		label->text = MemoryContextStrdup(matrix->context, text_to_cstring(value));
		label->terms = MemoryContextAlloc(matrix->context,
										  sizeof(uint32) * 2 * (MAX_LABEL_WORDS + 1));
		reco_text_open(&tools);
		words = reco_text_words(&tools, label->text, MAX_LABEL_WORDS - 1);
		for (int i = 0; i < words->nwords; i++)
		{
			const char *stem = words->words[i].stem;

			if (stem == NULL)
				continue;
			label->terms[label->nterms++] = intern_term(matrix, stem);
			if (last != NULL)
				label->terms[label->nterms++] =
					intern_term(matrix, psprintf("%s %s", last, stem));
			last = stem;
		}
		for (uint32 i = 0; i < label->nterms; i++)
			matrix->terms[label->terms[i]].labels++;
	}
	if (genre)
		for (uint32 i = 0; i < label->nterms; i++)
			matrix->terms[label->terms[i]].genre = true;
	return label;
}

/* Adds an array's labels to a set under construction. */
static void
collect(RecoMatrix *matrix, Datum array, bool genre, RecoTagSet *set, uint32 *terms,
		const char **genres)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		Label	   *label;

		if (nulls[i])
			continue;
		label = intern_label(matrix, DatumGetTextPP(elements[i]), genre);
		if (genre && set->ngenres < MAX_SET_TERMS)
			genres[set->ngenres++] = label->text;
		for (uint32 t = 0; t < label->nterms && set->nterms < MAX_SET_TERMS; t++)
		{
			bool		known = false;

			for (uint32 k = 0; !known && k < set->nterms; k++)
				known = terms[k] == label->terms[t];
			if (!known)
				terms[set->nterms++] = label->terms[t];
		}
	}
}

/* Returns the number of the set of these genres and tags. */
uint32
reco_matrix_intern_set(RecoMatrix *matrix, Datum genres, bool no_genres, Datum tags,
					   bool no_tags)
{
	uint32		terms[MAX_SET_TERMS];
	const char *genre_texts[MAX_SET_TERMS];
	RecoTagSet	set = {0};
	uint64		hash = 7;
	bool		found;
	Entry	   *entry;
	struct varlena *bytes;

	if (!no_genres)
	{
		bytes = PG_DETOAST_DATUM_PACKED(genres);
		no_genres = ARR_NDIM(DatumGetArrayTypeP(genres)) == 0;
		hash = hash_of(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), hash);
	}
	if (!no_tags)
	{
		bytes = PG_DETOAST_DATUM_PACKED(tags);
		no_tags = ARR_NDIM(DatumGetArrayTypeP(tags)) == 0;
		hash = hash_of(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), hash);
	}
	if (no_genres && no_tags)
		return 0;

	entry = hash_search(matrix->set_hash, &hash, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->number;

	if (!no_genres)
		collect(matrix, genres, true, &set, terms, genre_texts);
	if (!no_tags)
		collect(matrix, tags, false, &set, terms, genre_texts);
	set.terms = MemoryContextAlloc(matrix->context, sizeof(uint32) * Max(set.nterms, 1));
	memcpy(set.terms, terms, sizeof(uint32) * set.nterms);
	set.genres =
		MemoryContextAlloc(matrix->context, sizeof(char *) * Max(set.ngenres, 1));
	memcpy(set.genres, genre_texts, sizeof(char *) * set.ngenres);

	if (matrix->nsets == matrix->sets_size)
	{
		matrix->sets =
			repalloc_huge(matrix->sets, sizeof(RecoTagSet) * matrix->sets_size * 2);
		matrix->sets_size *= 2;
	}
	matrix->sets[matrix->nsets] = set;
	entry = hash_search(matrix->set_hash, &hash, HASH_ENTER, &found);
	entry->number = matrix->nsets++;
	return entry->number;
}

/* Counts how many tracks each set and term has, and posts sets to their terms. */
static void
post_sets(RecoMatrix *matrix)
{
	uint32	   *rows = palloc0(sizeof(uint32) * matrix->nsets);

	for (uint32 row = 0; row < matrix->plane.nrows; row++)
		rows[matrix->set_no[row]]++;
	for (uint32 pass = 0; pass < 2; pass++)
	{
		for (uint32 s = 0; s < matrix->nsets; s++)
		{
			for (uint32 i = 0; i < matrix->sets[s].nterms; i++)
			{
				RecoTerm   *term = &matrix->terms[matrix->sets[s].terms[i]];

				if (pass == 1)
					term->sets[term->nsets] = s;
				else
					term->tracks += rows[s];
				term->nsets++;
			}
		}
		for (uint32 t = 0; pass == 0 && t < matrix->nterms; t++)
		{
			RecoTerm   *term = &matrix->terms[t];

			term->sets =
				MemoryContextAlloc(matrix->postings, sizeof(uint32) * term->nsets);
			term->nsets = 0;
		}
	}
	pfree(rows);
}

/* Counts one artist's terms into 'count'; returns how many of its tracks have labels. */
static uint32
count_artist(const RecoMatrix *matrix, uint32 artist, uint32 *count, uint32 *touched,
			 uint32 *ntouched)
{
	uint32		labelled = 0;

	*ntouched = 0;
	for (uint32 row = matrix->artist_first[artist];
		 row < matrix->artist_first[artist + 1]; row++)
	{
		const RecoTagSet *set = &matrix->sets[matrix->set_no[row]];

		labelled += set->nterms > 0;
		for (uint32 i = 0; i < set->nterms; i++)
		{
			if (count[set->terms[i]]++ == 0)
				touched[(*ntouched)++] = set->terms[i];
		}
	}
	return labelled;
}

/* Posts artists to the terms they stand for. */
static void
post_artists(RecoMatrix *matrix)
{
	uint32	   *count = palloc0(sizeof(uint32) * Max(matrix->nterms, 1));
	uint32	   *touched = palloc(sizeof(uint32) * Max(matrix->nterms, 1));

	for (uint32 pass = 0; pass < 2; pass++)
	{
		for (uint32 a = 0; a < matrix->nartists; a++)
		{
			uint32		ntouched;
			uint32		labelled = count_artist(matrix, a, count, touched, &ntouched);

			for (uint32 i = 0; i < ntouched; i++)
			{
				RecoTerm   *term = &matrix->terms[touched[i]];

				if (pass == 1)
				{
					term->artists[term->nartists].number = a;
					term->artists[term->nartists].share =
						count[touched[i]] / (labelled + SHRINK);
				}
				term->nartists++;
				count[touched[i]] = 0;
			}
			if ((a & 0xFFF) == 0)
				CHECK_FOR_INTERRUPTS();
		}
		for (uint32 t = 0; pass == 0 && t < matrix->nterms; t++)
		{
			RecoTerm   *term = &matrix->terms[t];

			term->artists =
				MemoryContextAllocExtended(matrix->postings,
										   sizeof(RecoPosting) * Max(term->nartists, 1),
										   MCXT_ALLOC_HUGE);
			term->nartists = 0;
		}
	}
	pfree(count);
	pfree(touched);
}

/* Builds all postings from the rows at hand. */
void
reco_matrix_labels_finish(RecoMatrix *matrix)
{
	MemoryContextReset(matrix->postings);
	for (uint32 t = 0; t < matrix->nterms; t++)
	{
		matrix->terms[t].tracks = 0;
		matrix->terms[t].nsets = 0;
		matrix->terms[t].nartists = 0;
	}
	post_sets(matrix);
	if (matrix->nartists > 0)
		post_artists(matrix);
}

/* Finds the term of a stem. */
const RecoTerm *
reco_matrix_term(const RecoMatrix *matrix, const char *stem)
{
	uint64		hash = hash_of(stem, strlen(stem), 0);
	Entry	   *entry = hash_search(matrix->term_hash, &hash, HASH_FIND, NULL);

	return entry == NULL ? NULL : &matrix->terms[entry->number];
}
