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
#include "matrix_parts.h"

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
	RecoMatrixLoad *load = matrix->load;

	load->set_hash = make_hash("reco tag sets", sizeof(Entry), matrix->context);
	load->term_hash = make_hash("reco terms", sizeof(Entry), matrix->context);
	load->label_hash = make_hash("reco labels", sizeof(Label), matrix->context);
	load->sets_size = 1024;
	matrix->sets =
		MemoryContextAllocZero(matrix->context, sizeof(RecoTagSet) * load->sets_size);
	matrix->nsets = 1;
	load->terms_size = 1024;
	matrix->terms =
		MemoryContextAllocZero(matrix->context, sizeof(RecoTerm) * load->terms_size);
	load->set_terms_size = 4096;
	matrix->set_terms =
		MemoryContextAlloc(matrix->context, sizeof(uint32) * load->set_terms_size);
	load->postings =
		AllocSetContextCreate(matrix->context, "reco postings", ALLOCSET_DEFAULT_SIZES);
}

/* Returns the number of a term, a new one when the stem is new. */
static uint32
intern_term(RecoMatrix *matrix, const char *stem)
{
	RecoMatrixLoad *load = matrix->load;
	uint64		hash = hash_of(stem, strlen(stem), 0);
	bool		found;
	Entry	   *entry = hash_search(load->term_hash, &hash, HASH_ENTER, &found);

	if (found)
		return entry->number;
	entry->number = matrix->nterms;
	if (matrix->nterms == load->terms_size)
	{
		matrix->terms =
			repalloc_huge(matrix->terms, sizeof(RecoTerm) * load->terms_size * 2);
		memset(matrix->terms + load->terms_size, 0, sizeof(RecoTerm) * load->terms_size);
		load->terms_size *= 2;
	}
	matrix->terms[matrix->nterms].stem =
		reco_matrix_put_text(matrix, &matrix->texts, stem, strlen(stem));
	return matrix->nterms++;
}

/* Returns a label with its terms: each stem, and each two in a row. */
static Label *
intern_label(RecoMatrix *matrix, text *value, bool genre)
{
	uint64		hash = hash_of(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), 1);
	bool		found;
	Label	   *label = hash_search(matrix->load->label_hash, &hash, HASH_ENTER, &found);

	if (!found)
	{
		RecoWords  *words;
		const char *last = NULL;

		label->nterms = 0;
		label->terms = MemoryContextAlloc(matrix->context,
										  sizeof(uint32) * 2 * (MAX_LABEL_WORDS + 1));
		reco_text_open(&tools);
		words = reco_text_words(&tools, text_to_cstring(value), MAX_LABEL_WORDS - 1);
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

/* Adds the terms of an array's labels; returns how many terms there are then. */
static uint32
collect(RecoMatrix *matrix, Datum array, bool genre, uint32 *terms, uint32 nterms)
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
		for (uint32 t = 0; t < label->nterms && nterms < MAX_SET_TERMS; t++)
		{
			bool		known = false;

			for (uint32 k = 0; !known && k < nterms; k++)
				known = terms[k] == label->terms[t];
			if (!known)
				terms[nterms++] = label->terms[t];
		}
	}
	return nterms;
}

/* Adds a set of these terms; returns its number. */
static uint32
add_set(RecoMatrix *matrix, const uint32 *terms, uint32 nterms)
{
	RecoMatrixLoad *load = matrix->load;

	if (matrix->nsets == load->sets_size)
	{
		load->sets_size *= 2;
		matrix->sets = repalloc_huge(matrix->sets, sizeof(RecoTagSet) * load->sets_size);
	}
	if (matrix->nset_terms + nterms > load->set_terms_size)
	{
		load->set_terms_size = Max(load->set_terms_size * 2, matrix->nset_terms + nterms);
		matrix->set_terms =
			repalloc_huge(matrix->set_terms, sizeof(uint32) * load->set_terms_size);
	}
	memcpy(matrix->set_terms + matrix->nset_terms, terms, sizeof(uint32) * nterms);
	matrix->sets[matrix->nsets].nterms = nterms;
	matrix->sets[matrix->nsets].terms = matrix->nset_terms;
	matrix->nset_terms += nterms;
	return matrix->nsets++;
}

/* Returns the number of the set of these genres and tags. */
uint32
reco_matrix_intern_set(RecoMatrix *matrix, Datum genres, bool no_genres, Datum tags,
					   bool no_tags)
{
	uint32		terms[MAX_SET_TERMS];
	uint32		nterms = 0;
	uint32		number;
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

	entry = hash_search(matrix->load->set_hash, &hash, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->number;

	if (!no_genres)
		nterms = collect(matrix, genres, true, terms, nterms);
	if (!no_tags)
		nterms = collect(matrix, tags, false, terms, nterms);
	number = add_set(matrix, terms, nterms);
	entry = hash_search(matrix->load->set_hash, &hash, HASH_ENTER, &found);
	entry->number = number;
	return number;
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
			const uint32 *terms = matrix->set_terms + matrix->sets[s].terms;

			for (uint32 i = 0; i < matrix->sets[s].nterms; i++)
			{
				RecoTerm   *term = &matrix->terms[terms[i]];

				if (pass == 1)
					matrix->term_sets[term->sets + term->nsets] = s;
				else
					term->tracks += rows[s];
				term->nsets++;
			}
		}
		if (pass == 1)
			break;
		for (uint32 t = 0; t < matrix->nterms; t++)
		{
			matrix->terms[t].sets = matrix->nterm_sets;
			matrix->nterm_sets += matrix->terms[t].nsets;
			matrix->terms[t].nsets = 0;
		}
		matrix->term_sets =
			MemoryContextAllocHuge(matrix->load->postings,
								   sizeof(uint32) * Max(matrix->nterm_sets, 1));
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

		const uint32 *terms = matrix->set_terms + set->terms;

		labelled += set->nterms > 0;
		for (uint32 i = 0; i < set->nterms; i++)
		{
			if (count[terms[i]]++ == 0)
				touched[(*ntouched)++] = terms[i];
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
					RecoPosting *posting =
						&matrix->postings[term->artists + term->nartists];

					posting->number = a;
					posting->share = count[touched[i]] / (labelled + SHRINK);
				}
				term->nartists++;
				count[touched[i]] = 0;
			}
			if ((a & 0xFFF) == 0)
				CHECK_FOR_INTERRUPTS();
		}
		if (pass == 1)
			break;
		for (uint32 t = 0; t < matrix->nterms; t++)
		{
			matrix->terms[t].artists = matrix->npostings;
			matrix->npostings += matrix->terms[t].nartists;
			matrix->terms[t].nartists = 0;
		}
		matrix->postings =
			MemoryContextAllocHuge(matrix->load->postings,
								   sizeof(RecoPosting) * Max(matrix->npostings, 1));
	}
	pfree(count);
	pfree(touched);
}

/* Puts the terms where a look-up finds them. */
static void
fill_slots(RecoMatrix *matrix)
{
	matrix->nslots = 64;
	while (matrix->nslots < 2 * matrix->nterms)
		matrix->nslots *= 2;
	matrix->slots = MemoryContextAllocExtended(matrix->load->postings,
											   sizeof(uint32) * matrix->nslots,
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 t = 0; t < matrix->nterms; t++)
	{
		const char *stem = reco_matrix_stem(matrix, &matrix->terms[t]);
		uint32		at = hash_of(stem, strlen(stem), 0) & (matrix->nslots - 1);

		while (matrix->slots[at] != 0)
			at = (at + 1) & (matrix->nslots - 1);
		matrix->slots[at] = t + 1;
	}
}

/* Builds all postings from the rows at hand. */
void
reco_matrix_labels_finish(RecoMatrix *matrix)
{
	MemoryContextReset(matrix->load->postings);
	matrix->nterm_sets = 0;
	matrix->npostings = 0;
	matrix->postings = NULL;
	for (uint32 t = 0; t < matrix->nterms; t++)
	{
		matrix->terms[t].tracks = 0;
		matrix->terms[t].nsets = 0;
		matrix->terms[t].nartists = 0;
	}
	post_sets(matrix);
	if (matrix->nartists > 0)
		post_artists(matrix);
	fill_slots(matrix);
}

/* Finds the term of a stem. */
const RecoTerm *
reco_matrix_term(const RecoMatrix *matrix, const char *stem)
{
	uint32		at = hash_of(stem, strlen(stem), 0) & (matrix->nslots - 1);

	for (; matrix->slots[at] != 0; at = (at + 1) & (matrix->nslots - 1))
	{
		const RecoTerm *term = &matrix->terms[matrix->slots[at] - 1];

		if (strcmp(reco_matrix_stem(matrix, term), stem) == 0)
			return term;
	}
	return NULL;
}
