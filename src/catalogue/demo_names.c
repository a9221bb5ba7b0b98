/*-------------------------------------------------------------------------
 *
 * demo_names.c
 *	  Words of made-up artist names, and places, people, dates in titles.
 *
 * Purpose: give names that sound like somebody and are nobody.
 * Runs in: backend, inside reco_demo_catalogue(); constant data only.
 * Locks:	none.
 * Never:	reorder or insert in the middle of a list: the words that a seed picks
 *			would change, and the demo catalogue with them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalogue/demo_made.h"

/*
 * In a pattern %x stands for a word of list x; demo_titles.c says which.
 */

static const char *const names_band[] = {
	"The %A %M", "The %A %M", "%A %O", "%A %O", "%O & %O", "%O %O", "%F and the %M",
	"%z", "%c %O", "%A %M", "%F %L", "%O Club", "We Are %z", "%O of %c", "Saint %z",
	"%A %F", "%z %O"};
static const char *const names_solo[] = {
	"%F %L", "%F %L", "%F %L", "%F %L", "%F %z", "%z", "%F %A", "%L", "%F & %F",
	"%A %F", "Miss %z", "%F from %c"};
static const char *const names_dj[] = {
	"DJ %z", "%z", "%z", "%F %z", "%z & %z", "%A %z", "%zr", "%O System", "%L",
	"%z (%c)", "%O Unit", "%A %O", "%F %L", "%c Sound Bureau"};
static const char *const names_urban[] = {
	"Lil %z", "Young %L", "MC %z", "%z", "%F $%z", "%A %F", "King %z", "%F %L",
	"%L the %O", "DJ %z", "%c Kid", "Big %F", "%z Beats", "%F B. %L", "%A %O Crew"};
static const char *const names_metal[] = {
	"%z", "%Othorn", "%A %O", "%Owraith", "Oath of %O", "%zgrim", "%A %M",
	"%O Sepulchre", "%zheim", "Cult of %O", "%O Monarch", "Iron %z", "%zoth",
	"%O upon %O"};
static const char *const names_classical[] = {
	"%F %L", "%F %L", "%F %L", "%L Quartet", "%c Chamber Orchestra", "%L Trio",
	"%z Ensemble", "%c Philharmonia", "%F %L & %F %L", "Collegium %z", "Duo %L"};
static const char *const names_jazz[] = {
	"%F %L", "%F %L Trio", "%F %L Quartet", "The %F %L Quintet", "%L & %L",
	"%c Hot Five", "%F \"%O\" %L", "%A %O Orchestra", "The %c Swing %M", "%F %L Sextet"};
static const char *const names_groove[] = {
	"%F %L", "The %A %M", "%F & the %M", "%c Horns", "%A %O", "Brother %z", "%F %L",
	"%z", "The %z Family", "Sister %F", "%L Brothers"};
static const char *const names_latin[] = {
	"Los %I", "%G %H", "%G %H", "Grupo %z", "Orquesta %H", "%G y los %I", "La %z",
	"%G %H", "Banda %z", "Las %I", "%G de %c", "Trío %H"};
static const char *const names_brazil[] = {
	"%G %H", "%G %H", "Banda %z", "Trio %H", "%G da %z", "Os %I", "%G & %G", "Grupo %z",
	"%G %H"};
static const char *const names_ja[] = {
	"%K%J", "%K%J", "%K %J", "%z", "東京%O", "%K%J", "%A %O", "the %z", "%z%z",
	"%Kレコーズ"};
static const char *const names_ko[] = {
	"%Z", "%B%D", "%B%D", "%Z%#", "%z", "%Z", "%D", "%A %z", "%B%D"};

static const char *const firsts[] = {
	"Ada", "Alma", "Amara", "Anouk", "Asger", "Astrid", "Aurelio", "Beatriz", "Bruno",
	"Callum", "Camille", "Cedric", "Clara", "Cosima", "Dalia", "Dario", "Delphine",
	"Dmitri", "Edda", "Eino", "Elif", "Elio", "Elsa", "Emeka", "Enzo", "Esme", "Ezra",
	"Farah", "Felix", "Fintan", "Freja", "Gabor", "Gideon", "Greta", "Gwen", "Hale",
	"Hedda", "Henrik", "Hugo", "Ida", "Ilse", "Imani", "Ines", "Iona", "Isak", "Ivo",
	"Jada", "Janko", "Jonas", "Josefa", "Juhani", "Kaisa", "Kamal", "Katya", "Keiran",
	"Laila", "Lars", "Leona", "Levi", "Lior", "Lotte", "Luca", "Mabel", "Magnus",
	"Maia", "Malik", "Marit", "Matilda", "Milo", "Mira", "Moses", "Nadia", "Naomi",
	"Nell", "Niamh", "Noor", "Odile", "Olga", "Orla", "Oscar", "Otis", "Paloma",
	"Pavel", "Perla", "Petra", "Priya", "Rafael", "Ravi", "Renata", "Rhea", "Roman",
	"Rosalind", "Rufus", "Sabine", "Samir", "Saskia", "Selma", "Silas", "Sini", "Sofia",
	"Soren", "Stella", "Tamsin", "Tariq", "Tessa", "Theo", "Thora", "Tomas", "Ulla",
	"Valter", "Vera", "Viggo", "Walter", "Wilma", "Yara", "Yusra", "Zadie", "Zeno",
	"Zofia", "Zuri"};
static const char *const lasts[] = {
	"Abernathy", "Achterberg", "Adeyemi", "Aldous", "Almqvist", "Andrade", "Ashdown",
	"Bakalar", "Ballantyne", "Barreto", "Beckwith", "Bellweather", "Bergstrand",
	"Blackwood", "Bonnard", "Brandvold", "Calloway", "Carrington", "Castellan",
	"Chadwick", "Cordero", "Cromwell", "Dahlberg", "Danforth", "Delacroix", "Demir",
	"Donnelly", "Drummond", "Eastwick", "Eklund", "Ellery", "Engström", "Fairweather",
	"Farkas", "Ferreira", "Finch", "Fjeld", "Fontaine", "Galloway", "Garland", "Gedeon",
	"Greaves", "Grünwald", "Haddad", "Halloran", "Hargrove", "Hawthorne", "Hedström",
	"Hollis", "Holm", "Ibarra", "Ingram", "Iversen", "Jansons", "Jarvela", "Kaplan",
	"Karlsson", "Kask", "Kerr", "Kowalczyk", "Laakso", "Langley", "Lapointe",
	"Larkspur", "Lindqvist", "Lockhart", "Maddox", "Malinowski", "Marchetti", "Marlowe",
	"Mbeki", "Mercer", "Merriweather", "Moreau", "Nakata", "Navarro", "Nightingale",
	"Nordahl", "Novak", "Oakley", "Okafor", "Olander", "Ostrander", "Paasonen",
	"Pemberton", "Petrov", "Pilgrim", "Quill", "Radcliffe", "Rahimi", "Redfern",
	"Ridgeway", "Rinaldi", "Rosenthal", "Salvatore", "Sandoval", "Santoro", "Sauvage",
	"Shaw", "Silveira", "Sinclair", "Solberg", "Stavros", "Sterling", "Strand",
	"Sutherland", "Szabo", "Tamm", "Tanaka", "Thackeray", "Thornbury", "Tolliver",
	"Underhill", "Urquhart", "Vainio", "Valdez", "Vance", "Varga", "Vasquez",
	"Villeneuve", "Voss", "Wainwright", "Waverly", "Weatherby", "Westbrook", "Whitlock",
	"Winterbourne", "Yardley", "Zamora", "Zeller", "Zielinski"};
static const char *const romance_firsts[] = {
	"Alejandro", "Bruna", "Camila", "Caetana", "Diego", "Elena", "Emilio", "Fernanda",
	"Gael", "Guadalupe", "Inés", "Javier", "João", "Joaquín", "Julieta", "Lázaro",
	"Lía", "Lourdes", "Lucía", "Luisa", "Marcos", "Marisol", "Mateo", "Nuria", "Olívia",
	"Paulo", "Raúl", "Renato", "Rocío", "Santiago", "Teresa", "Thiago", "Tomás",
	"Valentina", "Vicente", "Ximena", "Yolanda", "Zélia"};
static const char *const romance_lasts[] = {
	"Aguirre", "Amaral", "Barrios", "Bastos", "Benítez", "Cabral", "Cárdenas",
	"Carvalho", "Cervantes", "Duarte", "Espinoza", "Fonseca", "Galván", "Guimarães",
	"Herrera", "Ibáñez", "Leão", "Lisboa", "Machado", "Medina", "Montero", "Moura",
	"Navarrete", "Olivares", "Pacheco", "Paredes", "Peixoto", "Quintana", "Ramires",
	"Ribeiro", "Rosales", "Salgado", "Serrano", "Siqueira", "Teixeira", "Valverde",
	"Vargas", "Zamorano"};
static const char *const romance_groups[] = {
	"Vientos", "Caminantes", "Gitanos", "Marineros", "Faroles", "Tambores", "Soñadores",
	"Jaguares", "Claveles", "Relámpagos", "Cometas", "Gavilanes", "Coyotes", "Tucanos",
	"Bandoleros", "Errantes"};
static const char *const ja_family[] = {
	"青山", "天野", "石川", "上原", "大森", "風間", "北村", "小林", "桜井", "椎名",
	"白石", "杉本", "瀬戸", "高槻", "月島", "時田", "長谷", "中原", "西野", "橋本",
	"早川", "氷室", "深町", "星野", "松永", "水沢", "三浦", "森下", "柳", "雪村"};
static const char *const ja_given[] = {
	"葵", "明", "彩", "海斗", "香織", "圭", "小春", "咲", "沙織", "翔", "真琴", "美月",
	"直人", "渚", "春樹", "光", "日向", "文", "真央", "湊", "結衣", "優子", "遥",
	"里奈", "涼", "蓮", "若菜", "千夏", "奏", "凪"};
static const char *const ko_family[] = {
	"강", "고", "권", "김", "남", "류", "문", "민", "박", "배", "백", "서", "손", "신",
	"안", "오", "유", "윤", "이", "임", "장", "정", "조", "차", "최", "한", "홍"};
static const char *const ko_given[] = {
	"가온", "나래", "다은", "도윤", "민서", "바다", "보람", "서준", "소라", "수아",
	"시우", "아라", "여울", "연우", "예린", "윤슬", "은하", "이안", "재희", "지호",
	"채원", "태오", "하늘", "하린", "현우", "혜성"};
static const char *const places[] = {
	"Kallio", "Alfama", "Maple", "Linden", "Harbour", "Juniper", "Canal", "Orchard",
	"Bergmann", "Kastanien", "Vallila", "Neukölln", "Belleville", "Almond", "Cedar",
	"Mill", "Saint-Michel", "Kreuzberg", "Mercer", "Dalston", "Lavapiés", "Gràcia",
	"Trastevere", "Tooting", "Elm", "Chestnut", "Poplar", "Lantern", "Foundry",
	"Station", "Castle", "Temple", "Magnolia", "Hawthorn", "Sycamore", "Brewer",
	"Market", "Chapel", "Ferry", "Willow", "Fulton", "Quarry", "Rosewood", "Birch",
	"Museum", "Granary", "Vesterbro", "Grünerløkka", "Södermalm", "Praga", "Žižkov",
	"Kazimierz", "Balat", "Shoreline", "Garnet", "Pearl", "Copper", "Baker", "Tanner",
	"Weaver", "Sparrow", "Larkin", "Delancey", "Union", "Violet", "Pine", "Walnut",
	"Bishop", "Abbey", "Prior", "Fountain", "Arsenal", "Meridian", "Observatory",
	"Pier", "Tramway", "Mulberry", "Hazel", "Acacia", "Eastgate"};
static const char *const cities[] = {
	"Helsinki", "Lisbon", "Oslo", "Porto", "Tallinn", "Ghent", "Marseille", "Naples",
	"Seville", "Kraków", "Riga", "Bergen", "Malmö", "Trieste", "Valencia", "Bologna",
	"Antwerp", "Lyon", "Leipzig", "Hamburg", "Galway", "Glasgow", "Bristol", "Halifax",
	"Montréal", "Toronto", "Austin", "Memphis", "Tulsa", "Reno", "Savannah",
	"Baltimore", "Detroit", "Oakland", "Tucson", "Portland", "Havana", "Bogotá", "Lima",
	"Santiago", "Rosario", "Recife", "Salvador", "Montevideo", "Dakar", "Lagos",
	"Accra", "Nairobi", "Cape Town", "Cairo", "Beirut", "Istanbul", "Tbilisi", "Mumbai",
	"Hanoi", "Manila", "Taipei", "Osaka", "Kyoto", "Busan", "Perth", "Reykjavík"};
static const char *const hours[] = {
	"Midnight", "Dawn", "Dusk", "Noon", "Sundown", "3 AM", "Daybreak", "Twilight",
	"Sunrise", "Nightfall", "Closing Time", "4 in the Morning"};
static const char *const months[] = {
	"January", "February", "March", "April", "May", "June", "July", "August",
	"September", "October", "November", "December"};
static const char *const ja_cities[] = {
	"東京", "渋谷", "横浜", "京都", "大阪", "鎌倉", "札幌", "神戸", "下北沢", "湘南",
	"長崎", "函館"};
static const char *const ko_cities[] = {
	"서울", "부산", "제주", "강남", "홍대", "전주", "인천", "경주"};
static const char *const ru_cities[] = {
	"Казань", "Псков", "Одесса", "Тверь", "Рига", "Томск"};
static const char *const ar_cities[] = {
	"بيروت", "القاهرة", "دمشق", "تونس", "مراكش"};
static const char *const hi_cities[] = {
	"दिल्ली", "मुंबई", "जयपुर", "लखनऊ", "पुणे"};
static const char *const ja_people[] = {
	"葵", "美月", "春樹", "咲", "凪", "奏"};
static const char *const ru_people[] = {
	"Анна", "Вера", "Марина", "Илья"};
static const char *const ar_people[] = {
	"ليلى", "سلمى", "نور"};
static const char *const hi_people[] = {
	"मीरा", "राधा", "आशा"};
static const char *const syllables_first[] = {
	"Va", "Lu", "Mi", "Ka", "No", "Ze", "Or", "Tal", "Bri", "Sa", "Ve", "Ny", "El",
	"Dra", "Ko", "Ri", "Au", "Fe", "Mo", "Cy", "Il", "Ox", "Qua", "Xe", "Tho", "Ja",
	"Pha", "Wi", "Lo", "Ar"};
static const char *const syllables_middle[] = {
	"lo", "ri", "na", "ve", "ka", "mi", "to", "le", "ra", "shi", "do", "na", "lu", "so",
	"be", ""};
static const char *const syllables_last[] = {
	"ra", "n", "x", "do", "ria", "lis", "th", "nne", "ko", "ster", "vo", "mar", "lia",
	"que", "s", "zen", "dor", "ta", "nova", "ryn"};
static const char *const films[] = {
	"The Glass Harbour", "Seven Winters", "A Map of Ashes", "The Cartographer's Son",
	"Orbit's Edge", "Last Ferry to Vell", "The Paper General", "Moonwater",
	"Kingdom of Salt", "The Quiet Engine", "Emberfall", "The Long Tide",
	"Northern Lies", "The Beekeeper's War", "Starhollow", "Under Marble Skies"};
static const char *const adjectives_name[] = {
	"Paper", "Velvet", "Silver", "Hollow", "Northern", "Wooden", "Neon", "Midnight",
	"Broken", "Golden", "Quiet", "Crooked", "Electric", "Lunar", "Crystal", "Wild",
	"Distant", "Plastic", "Scarlet", "Marble", "Copper", "Sleeping", "Lonesome",
	"Burning", "Foreign", "Holy", "Nervous", "Salt", "Tender", "Winter", "Magnetic",
	"Ivory", "Gentle", "Atomic", "Modern", "Spare", "Invisible", "Second", "Young",
	"Blind", "Amber", "Static", "Frozen", "Honest", "Borrowed", "Cardinal", "Lazy",
	"Sunday", "Cobalt", "Little", "Mighty", "Secret", "Polar", "Sugar", "Pale", "Feral",
	"Humble", "Late", "Open", "Violet"};
static const char *const nouns_name[] = {
	"Lantern", "Satellite", "Sparrow", "Harbour", "Engine", "Mirror", "Canyon", "Fox",
	"Orchard", "Compass", "Ghost", "Island", "Parade", "Wolf", "Cinema", "Lighthouse",
	"Anchor", "Raven", "Pilot", "Cathedral", "Garden", "Tiger", "Meridian", "Signal",
	"Moth", "Railway", "Comet", "Avenue", "Kite", "Swan", "Theory", "Beacon", "Heron",
	"Machine", "Meadow", "Vessel", "Falcon", "Tide", "Arcade", "Willow", "Echo",
	"Foundry", "Feather", "Prairie", "Lynx", "Balcony", "Cassette", "Detective",
	"Ember", "Glacier", "Hornet", "Juniper", "Kingdom", "Librarian", "Magpie", "Novel",
	"Otter", "Prophet", "Quarry", "Radio", "Sailor", "Thunder", "Umbrella", "Valley",
	"Window", "Zephyr", "Architect", "Bandit", "Carousel", "Diplomat", "Elephant",
	"Forest", "Giraffe", "Horizon", "Jackal", "Kestrel", "Monument", "Nomad", "Oracle",
	"Pavilion"};

const RecoDemoList reco_demo_name_patterns[] = {
	[RECO_DEMO_NAMES_BAND] = RECO_DEMO_LIST(names_band),
	[RECO_DEMO_NAMES_SOLO] = RECO_DEMO_LIST(names_solo),
	[RECO_DEMO_NAMES_DJ] = RECO_DEMO_LIST(names_dj),
	[RECO_DEMO_NAMES_URBAN] = RECO_DEMO_LIST(names_urban),
	[RECO_DEMO_NAMES_METAL] = RECO_DEMO_LIST(names_metal),
	[RECO_DEMO_NAMES_CLASSICAL] = RECO_DEMO_LIST(names_classical),
	[RECO_DEMO_NAMES_JAZZ] = RECO_DEMO_LIST(names_jazz),
	[RECO_DEMO_NAMES_GROOVE] = RECO_DEMO_LIST(names_groove),
	[RECO_DEMO_NAMES_LATIN] = RECO_DEMO_LIST(names_latin),
	[RECO_DEMO_NAMES_BRAZIL] = RECO_DEMO_LIST(names_brazil),
	[RECO_DEMO_NAMES_JA] = RECO_DEMO_LIST(names_ja),
	[RECO_DEMO_NAMES_KO] = RECO_DEMO_LIST(names_ko),
};

const RecoDemoList reco_demo_lists[] = {
	[RECO_DEMO_FIRSTS] = RECO_DEMO_LIST(firsts),
	[RECO_DEMO_LASTS] = RECO_DEMO_LIST(lasts),
	[RECO_DEMO_ROMANCE_FIRSTS] = RECO_DEMO_LIST(romance_firsts),
	[RECO_DEMO_ROMANCE_LASTS] = RECO_DEMO_LIST(romance_lasts),
	[RECO_DEMO_ROMANCE_GROUPS] = RECO_DEMO_LIST(romance_groups),
	[RECO_DEMO_JA_FAMILY] = RECO_DEMO_LIST(ja_family),
	[RECO_DEMO_JA_GIVEN] = RECO_DEMO_LIST(ja_given),
	[RECO_DEMO_KO_FAMILY] = RECO_DEMO_LIST(ko_family),
	[RECO_DEMO_KO_GIVEN] = RECO_DEMO_LIST(ko_given),
	[RECO_DEMO_PLACES] = RECO_DEMO_LIST(places),
	[RECO_DEMO_CITIES] = RECO_DEMO_LIST(cities),
	[RECO_DEMO_HOURS] = RECO_DEMO_LIST(hours),
	[RECO_DEMO_MONTHS] = RECO_DEMO_LIST(months),
	[RECO_DEMO_JA_CITIES] = RECO_DEMO_LIST(ja_cities),
	[RECO_DEMO_KO_CITIES] = RECO_DEMO_LIST(ko_cities),
	[RECO_DEMO_RU_CITIES] = RECO_DEMO_LIST(ru_cities),
	[RECO_DEMO_AR_CITIES] = RECO_DEMO_LIST(ar_cities),
	[RECO_DEMO_HI_CITIES] = RECO_DEMO_LIST(hi_cities),
	[RECO_DEMO_JA_PEOPLE] = RECO_DEMO_LIST(ja_people),
	[RECO_DEMO_RU_PEOPLE] = RECO_DEMO_LIST(ru_people),
	[RECO_DEMO_AR_PEOPLE] = RECO_DEMO_LIST(ar_people),
	[RECO_DEMO_HI_PEOPLE] = RECO_DEMO_LIST(hi_people),
	[RECO_DEMO_SYLLABLES_FIRST] = RECO_DEMO_LIST(syllables_first),
	[RECO_DEMO_SYLLABLES_MIDDLE] = RECO_DEMO_LIST(syllables_middle),
	[RECO_DEMO_SYLLABLES_LAST] = RECO_DEMO_LIST(syllables_last),
	[RECO_DEMO_FILMS] = RECO_DEMO_LIST(films),
	[RECO_DEMO_ADJECTIVES_NAME] = RECO_DEMO_LIST(adjectives_name),
	[RECO_DEMO_NOUNS_NAME] = RECO_DEMO_LIST(nouns_name),
};
