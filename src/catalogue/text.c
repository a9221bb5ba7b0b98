/*-------------------------------------------------------------------------
 *
 * text.c
 *	  Words: folding, tokens and stems, the same for catalogue and prompt.
 *
 * Purpose: see text.h. Accents are folded by contrib's unaccent, words found by
 *			PostgreSQL's default text search parser, stems by its english_stem.
 * Runs in: any process with a database and a transaction.
 * Locks:	those of syscache look-ups.
 * Never:	read past a broken multibyte sequence: lengths come from pg_mblen.
 *
 *-------------------------------------------------------------------------
 */
#include "text.h"

#include <ctype.h>

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "store/sql.h"
#include "tsearch/ts_cache.h"
#include "tsearch/ts_public.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"

/* Token types of the default parser that are not words. */
#define TOKEN_BLANK		12
#define TOKEN_TAG		13
#define TOKEN_ENTITY	23

/* How a cleaned text keeps what parted words; white space to the parser. */
#define SENTENCE_MARK	'\t'
#define LIST_MARK		'\v'

#define MAX_TEXT_BYTES	(1 << 18)	/* of a text that words are wanted of */
#define MAX_WORD_BYTES	200		/* more is no word anybody looks for */

#define is_compound(type) ((type) >= 15 && (type) <= 17)

typedef enum RuneClass
{
	RUNE_WORD,					/* a letter or digit */
	RUNE_SPACE,					/* separates words */
	RUNE_GONE,					/* leaves no trace: zero-width, apostrophes */
	RUNE_QUOTE					/* opens or closes a quotation */
} RuneClass;

/* How "R&B" and its like look once punctuation is gone, and one word for all. */
static const char *const rnb_spellings[] = {"r b", "r   b", "r n b"};

#define RNB		"rnb"

/* Words that people also write as two, so that both find each other. */
static const char *const compounds[][3] = {
	{"bigroom", "big", "room"}, {"bossanova", "bossa", "nova"}, {"chillout", "chill", "out"},
	{"citypop", "city", "pop"}, {"dancepop", "dance", "pop"}, {"drumnbass", "drum", "bass"},
	{"dnb", "drum", "bass"}, {"electropop", "electro", "pop"}, {"hiphop", "hip", "hop"},
	{"indiepop", "indie", "pop"}, {"jpop", "j", "pop"}, {"kpop", "k", "pop"}, {"lofi", "lo", "fi"},
	{"newwave", "new", "wave"}, {"nujazz", "nu", "jazz"}, {"oldschool", "old", "school"},
	{"postpunk", "post", "punk"}, {"postrock", "post", "rock"}, {"poprock", "pop", "rock"},
	{"roadtrip", "road", "trip"}, {"singersongwriter", "singer", "songwriter"},
	{"synthpop", "synth", "pop"}, {"synthwave", "synth", "wave"}, {"triphop", "trip", "hop"},
};

/* Spellings of one word. */
static const char *const spellings[][2] = {
	{"gangsta", "gangster"}, {"electronica", "electronic"}, {"raggaeton", "reggaeton"},
	{"reggeaton", "reggaeton"}, {"latino", "latin"}, {"latina", "latin"}, {"musica", "music"},
	{"indy", "indie"}, {"lively", "upbeat"}, {"lounging", "lounge"},
};

/* Words whose stem is another word's: classical music is not classic rock. */
static const char *const unstemmed[] = {"classical"};

static RuneClass classify(const char *at, int len);
static char gap_mark(const char *text, const char *at, int len);
static void add_word(const RecoTextTools *tools, RecoWords *words, const RecoWord *like,
					 const char *fold);
static void add_words(const RecoTextTools *tools, RecoWords *words, RecoWord *word);
static char *clean(const char *text, int **quotes);
static char *fold_word(const RecoTextTools *tools, const char *word, int len);
static void join_rnb(char *text);
static bool is_version_word(const char *fold);
static bool begins_with_capital(const char *token, int len);

/* Looks up what folding and stemming need. */
void
reco_text_open(RecoTextTools *tools)
{
	Oid			schema = reco_sql_namespace_of("unaccent");
	char	   *name = get_namespace_name(schema);
	Oid			types[2] = {REGDICTIONARYOID, TEXTOID};

	tools->unaccent_function =
		LookupFuncName(list_make2(makeString(name), makeString("unaccent")), 2, types, false);
	tools->unaccent_dictionary =
		get_ts_dict_oid(list_make2(makeString(name), makeString("unaccent")), false);
	tools->stemmer = lookup_ts_dictionary_cache(
		get_ts_dict_oid(list_make2(makeString("pg_catalog"), makeString("english_stem")), false));
	tools->parser = lookup_ts_parser_cache(
		get_ts_parser_oid(list_make2(makeString("pg_catalog"), makeString("default")), false));
	tools->config =
		get_ts_config_oid(list_make2(makeString("pg_catalog"), makeString("english")), false);
}

/* Folds a whole text. A text of punctuation alone folds to itself in lower case. */
char *
reco_text_fold(const RecoTextTools *tools, const char *text)
{
	char	   *cleaned = clean(text, NULL);
	char	   *folded = fold_word(tools, cleaned, strlen(cleaned));

	if (folded[0] == '\0' && text[0] != '\0')
		return str_tolower(text, strlen(text), DEFAULT_COLLATION_OID);
	return folded;
}

/* Cuts versions off a title and folds the rest. */
char *
reco_text_title_key(const RecoTextTools *tools, const char *title)
{
	char	   *cut = pstrdup(title);
	char	   *open;
	char	   *dash;
	char	   *key;

	/* " (feat. X)", " [Radio Edit]": from the bracket to its end */
	for (open = cut; (open = strpbrk(open, "([")) != NULL;)
	{
		char	   *close = strpbrk(open, ")]");
		char *inside = pnstrdup(open + 1, close ? close - open - 1 : strlen(open + 1));

		if (open > cut && is_version_word(reco_text_fold(tools, inside)))
			memmove(open, close ? close + 1 : open + strlen(open),
					close ? strlen(close + 1) + 1 : 1);
		else
			open++;
	}

	/* " - Remastered 2011", " feat. X": from there to the end */
	for (dash = cut; (dash = strstr(dash, " - ")) != NULL; dash += 3)
	{
		if (dash > cut && is_version_word(reco_text_fold(tools, dash + 3)))
		{
			*dash = '\0';
			break;
		}
	}
	key = reco_text_fold(tools, cut);
	if ((dash = strstr(key, " feat ")) != NULL || (dash = strstr(key, " ft ")) != NULL)
		*dash = '\0';
	return key[0] != '\0' ? key : reco_text_fold(tools, title);
}

/* Tells whether words behind a dash or in brackets name a version. */
static bool
is_version_word(const char *fold)
{
	static const char *const words[] = {
		"feat", "ft", "featuring", "with", "remaster", "remastered", "remasterizado",
		"radio", "single", "album", "edit", "version", "mono", "stereo", "live", "deluxe",
		"bonus", "explicit", "clean", "original", "extended", "acoustic", "demo",
		"anniversary", "edition", "remix", "mix"
	};
	char	   *copy = pstrdup(fold);
	char	   *save = NULL;
	char	   *word;

	/*
	 * A remix by somebody is another recording; only a plain "remix" or "mix"
	 * tells nothing apart. So every word must be a version word or a number,
	 * except behind "feat" and its like, which name people.
	 */
	for (word = strtok_r(copy, " ", &save); word != NULL;
		 word = strtok_r(NULL, " ", &save))
	{
		bool		known = strspn(word, "0123456789") == strlen(word);
		int			i;

		for (i = 0; !known && i < lengthof(words); i++)
			known = strcmp(word, words[i]) == 0;
		if (word == copy &&
			(strcmp(word, "feat") == 0 || strcmp(word, "ft") == 0 ||
			 strcmp(word, "featuring") == 0 || strcmp(word, "with") == 0))
			return true;
		if (!known)
			return false;
	}
	return fold[0] != '\0';
}

/* Splits a text into words with stems. */
RecoWords *
reco_text_words(const RecoTextTools *tools, const char *text, int max)
{
	TSParserCacheEntry *parser = tools->parser;
	RecoWords  *result = palloc0(sizeof(RecoWords));
	int		   *quotes;
	int			bytes = pg_mbcliplen(text, strlen(text), MAX_TEXT_BYTES);
	char	   *cleaned = clean(pnstrdup(text, bytes), &quotes);
	void	   *state;
	RecoGap		gap = RECO_GAP_NONE;

	result->truncated = text[bytes] != '\0';
	result->words = palloc0(sizeof(RecoWord) * (max + 2));
	state = (void *) DatumGetPointer(FunctionCall2(&parser->prsstart,
												   PointerGetDatum(cleaned),
												   Int32GetDatum(strlen(cleaned))));
	for (;;)
	{
		char	   *token = NULL;
		int			len = 0;
		int type =
			DatumGetInt32(FunctionCall3(&parser->prstoken, PointerGetDatum(state),
										PointerGetDatum(&token), PointerGetDatum(&len)));
		RecoWord	word = {0};

		if (type <= 0)
			break;
		if (is_compound(type))
			continue;			/* its parts follow */
		if (type == TOKEN_BLANK || type == TOKEN_TAG || type == TOKEN_ENTITY)
		{
			if (memchr(token, SENTENCE_MARK, len) != NULL)
				gap = RECO_GAP_SENTENCE;
			else if (memchr(token, LIST_MARK, len) != NULL)
				gap = Max(gap, RECO_GAP_LIST);
			continue;
		}
		word.fold =
			fold_word(tools, token, Min(len, pg_mbcliplen(token, len, MAX_WORD_BYTES)));
		if (word.fold[0] == '\0')
			continue;
		if (result->nwords >= max)
		{
			result->truncated = true;
			break;
		}
		word.written = word.fold;
		word.capital = begins_with_capital(token, len);
		word.quote = quotes[token - cleaned];
		word.gap = gap;
		gap = RECO_GAP_NONE;
		add_words(tools, result, &word);
	}
	FunctionCall1(&parser->prsend, PointerGetDatum(state));
	return result;
}

/* Appends a word, or the two that it is made of. */
static void
add_words(const RecoTextTools *tools, RecoWords *words, RecoWord *word)
{
	for (int i = 0; i < lengthof(compounds); i++)
	{
		if (strcmp(word->fold, compounds[i][0]) != 0)
			continue;
		add_word(tools, words, word, compounds[i][1]);
		word->gap = RECO_GAP_NONE;
		word->written = "";
		add_word(tools, words, word, compounds[i][2]);
		return;
	}
	add_word(tools, words, word, word->fold);
}

/* Appends one word, spelt the one way. */
static void
add_word(const RecoTextTools *tools, RecoWords *words, const RecoWord *like,
		 const char *fold)
{
	RecoWord   *word = &words->words[words->nwords++];

	*word = *like;
	for (int i = 0; i < lengthof(spellings); i++)
		if (strcmp(fold, spellings[i][0]) == 0)
			fold = spellings[i][1];
	word->fold = pstrdup(fold);
	word->stem = reco_text_stem(tools, fold);
	word->number = strspn(fold, "0123456789") == strlen(fold);
}

/* Tells whether a token was written with a capital first letter. */
static bool
begins_with_capital(const char *token, int len)
{
	int			step;

	if (!IS_HIGHBIT_SET(token[0]))
		return isupper((unsigned char) token[0]) != 0;
	step = Min(pg_mblen(token), len);
	return strncmp(str_tolower(token, step, DEFAULT_COLLATION_OID), token, step) != 0;
}

/* Stems one folded word; NULL for a stop word. */
char *
reco_text_stem(const RecoTextTools *tools, const char *fold)
{
	TSDictionaryCacheEntry *stemmer = tools->stemmer;
	DictSubState dummy = {false, false, NULL};
	TSLexeme   *lexemes;

	for (int i = 0; i < lengthof(unstemmed); i++)
		if (strcmp(fold, unstemmed[i]) == 0)
			return pstrdup(fold);
	lexemes = (TSLexeme *) DatumGetPointer(
		FunctionCall4(&stemmer->lexize, PointerGetDatum(stemmer->dictData),
					  PointerGetDatum(fold), Int32GetDatum(strlen(fold)),
					  PointerGetDatum(&dummy)));
	if (lexemes == NULL)
		return pstrdup(fold);
	return lexemes[0].lexeme;
}

/*
 * Copies a text with separators as spaces, sentence marks as tabs, and without
 * what leaves no trace. quotes[i] tells in which pair of quotes byte i stands.
 */
static char *
clean(const char *text, int **quotes)
{
	int			len = strlen(text);
	char	   *out = palloc(len + 1);
	int			used = 0;
	int			open = 0;
	int			pairs = 0;
	const char *at = text;

	if (quotes)
		*quotes = palloc0(sizeof(int) * (len + 1));
	while (*at)
	{
		int			step = pg_mblen(at);

		step = Min(step, (int) (text + len - at));
		switch (classify(at, step))
		{
			case RUNE_WORD:
				if (quotes)
					for (int i = 0; i < step; i++)
						(*quotes)[used + i] = open;
				memcpy(out + used, at, step);
				used += step;
				break;
			case RUNE_QUOTE:
				open = open ? 0 : ++pairs;
				out[used++] = SENTENCE_MARK;
				break;
			case RUNE_SPACE:
				out[used++] = gap_mark(text, at, step);
				break;
			case RUNE_GONE:
				break;
		}
		at += step;
	}
	out[used] = '\0';
	join_rnb(out);
	return out;
}

/* What a separator leaves behind: the end of a sentence, of an item, or a space. */
static char
gap_mark(const char *text, const char *at, int len)
{
	if (len == 1 && strchr(".,;:!?()[]{}", *at) != NULL)
		return SENTENCE_MARK;

	/* "rock / pop" are two things, "AC/DC" is one */
	if ((len > 1 || strchr("/|+-\\", *at) != NULL) && at > text && at[-1] == ' ' &&
		at[len] == ' ')
		return LIST_MARK;
	return ' ';
}

/* Is there nothing in a text that a person could see? */
bool
reco_text_is_blank(const char *text)
{
	for (const char *at = text; *at; at += pg_mblen(at))
	{
		int			len = Min(pg_mblen(at), (int) strlen(at));
		uint32		rune;

		if (len == 1)
		{
			if ((unsigned char) *at > ' ' && *at != 0x7F)
				return false;
			continue;
		}
		if (GetDatabaseEncoding() != PG_UTF8)
			return false;
		rune = utf8_to_unicode((const unsigned char *) at);
		if (!(rune <= 0xA0 || rune == 0xAD || rune == 0x1680 || rune == 0x180E ||
			  (rune >= 0x2000 && rune <= 0x200F) || (rune >= 0x2028 && rune <= 0x202F) ||
			  (rune >= 0x205F && rune <= 0x206F) || rune == 0x3000 || rune == 0xFEFF))
			return false;
	}
	return true;
}

/* Says what a character is to us. */
static RuneClass
classify(const char *at, int len)
{
	uint32		rune;

	if (len == 1)
	{
		if (isalnum((unsigned char) *at) || IS_HIGHBIT_SET(*at))
			return RUNE_WORD;
		if (*at == '"')
			return RUNE_QUOTE;
		return *at == '\'' || *at == '`' ? RUNE_GONE : RUNE_SPACE;
	}
	if (GetDatabaseEncoding() != PG_UTF8)
		return RUNE_WORD;
	rune = utf8_to_unicode((const unsigned char *) at);
	if (rune == 0x2018 || rune == 0x2019 || rune == 0x02BC || rune == 0x00AD ||
		(rune >= 0x200B && rune <= 0x200F) || (rune >= 0x202A && rune <= 0x202E) ||
		(rune >= 0x2060 && rune <= 0x206F) || rune == 0xFEFF ||
		(rune >= 0xFE00 && rune <= 0xFE0F))
		return RUNE_GONE;
	if (rune == 0x201C || rune == 0x201D || rune == 0x201E || rune == 0x00AB ||
		rune == 0x00BB || (rune >= 0x300C && rune <= 0x300F))
		return RUNE_QUOTE;
	if ((rune >= 0x80 && rune <= 0xBF && rune != 0xAA && rune != 0xBA && rune != 0xB5) ||
		rune == 0xD7 || rune == 0xF7 || (rune >= 0x2000 && rune <= 0x206F) ||
		(rune >= 0x20A0 && rune <= 0x20CF) || (rune >= 0x2190 && rune <= 0x2BFF) ||
		(rune >= 0x3000 && rune <= 0x303F && rune != 0x3005) ||
		(rune >= 0xFF00 && rune <= 0xFF0F) || (rune >= 0x1F000 && rune <= 0x1FAFF) ||
		(rune >= 0xE0000 && rune <= 0xE007F))
		return RUNE_SPACE;
	return RUNE_WORD;
}

/* Folds a run of cleaned text: accents, case, white space. */
static char *
fold_word(const RecoTextTools *tools, const char *word, int len)
{
	bool		ascii = true;
	char	   *folded;
	char	   *out;
	char	   *at;

	for (int i = 0; ascii && i < len; i++)
		ascii = !IS_HIGHBIT_SET(word[i]);
	if (ascii)
		folded = asc_tolower(word, len);
	else
	{
		char	   *lower = str_tolower(word, len, DEFAULT_COLLATION_OID);
		Datum		plain = OidFunctionCall2(tools->unaccent_function,
									   ObjectIdGetDatum(tools->unaccent_dictionary),
									   CStringGetTextDatum(lower));

		folded = TextDatumGetCString(plain);
		folded = str_tolower(folded, strlen(folded), DEFAULT_COLLATION_OID);
	}

	/* unaccent can bring punctuation back (½ is " 1/2") */
	for (at = out = folded; *at; at++)
	{
		if (IS_HIGHBIT_SET(*at) || isalnum((unsigned char) *at))
			*out++ = *at;
		else if (*at != '\'' && out > folded && out[-1] != ' ')
			*out++ = ' ';
	}
	while (out > folded && out[-1] == ' ')
		out--;
	*out = '\0';
	return folded;
}

/* Makes one word of the spellings of "R&B", in place. */
static void
join_rnb(char *text)
{
	for (int i = 0; i < lengthof(rnb_spellings); i++)
	{
		const char *from = rnb_spellings[i];
		size_t		len = strlen(from);

		for (char *at = text; *at; at++)
		{
			if (pg_strncasecmp(at, from, len) == 0 &&
				(at == text ||
				 !(isalnum((unsigned char) at[-1]) || IS_HIGHBIT_SET(at[-1]))) &&
				!(isalnum((unsigned char) at[len]) || IS_HIGHBIT_SET(at[len])))
			{
				memset(at, ' ', len);
				memcpy(at, RNB, strlen(RNB));
			}
		}
	}
}
