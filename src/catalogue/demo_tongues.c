/*-------------------------------------------------------------------------
 *
 * demo_tongues.c
 *	  Words of made-up titles in other languages, and of themed ones.
 *
 * Purpose: give titles with accents, in other scripts, and for holidays, children, films.
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

/* es */
static const char *const patterns_es[] = {
	"%n de %n", "%a %n", "Noche en %c", "Bailando con %P", "Te Espero en %c",
	"El %n y la Luna", "Sin %n", "%n Mía", "Vuelve, %P", "Canción para %P",
	"Corazón de %n", "Bajo la %n", "Quiero Tu %n", "%n y %n", "Dame Más %n",
	"Camino a %c", "Ay, %P", "Mi %n Perdida", "Cuando Llega la %n", "La %n de %P",
	"Otra %n en %c", "Cielo de %n", "%n de %n y %n", "%a %n de %c", "%P y la %n",
	"%n en %c con %P", "Entre la %n y la %n"};
static const char *const adjectives_es[] = {
	"Dulce", "Eterna", "Rebelde", "Dorada", "Perdida", "Última", "Lenta", "Ardiente",
	"Salvaje", "Azul", "Nueva", "Secreta", "Feliz", "Triste", "Mágica", "Morena"};
static const char *const nouns_es[] = {
	"Luna", "Noche", "Fuego", "Mar", "Lluvia", "Sal", "Rosa", "Canela", "Arena", "Miel",
	"Sombra", "Piel", "Flor", "Sangre", "Playa", "Fiesta", "Estrella", "Montaña",
	"Guitarra", "Distancia", "Mañana", "Locura", "Promesa", "Calle", "Ola", "Tierra",
	"Nieve", "Memoria", "Esquina", "Vida"};
static const char *const verbs_es[] = {
	"Bailando", "Soñando", "Llorando"};

/* pt */
static const char *const patterns_pt[] = {
	"%n de %n", "Samba para %P", "Saudade de %c", "%a %n", "%n e %n", "Manhã em %c",
	"O %n da %P", "Volta, %P", "Chuva em %c", "Meu %n", "Canto de %n", "Na Beira do %n",
	"Tarde de %n", "Olha o %n", "Bossa para %P", "Um %n, um %n", "Cadê o %n",
	"Coração de %n", "Foi Assim em %c", "%n de %n e %n", "%a %n de %c", "%P e o %n",
	"%n em %c com %P", "Entre o %n e o %n", "O %n e o %n de %P"};
static const char *const adjectives_pt[] = {
	"Doce", "Lindo", "Triste", "Leve", "Novo", "Antigo", "Azul", "Manso", "Grande",
	"Breve"};
static const char *const nouns_pt[] = {
	"Mar", "Violão", "Amor", "Sol", "Carnaval", "Vento", "Barco", "Coração", "Luar",
	"Verão", "Cais", "Samba", "Sonho", "Caminho", "Céu", "Perfume", "Silêncio",
	"Pandeiro", "Jardim", "Domingo", "Tempo", "Rio", "Passarinho", "Adeus", "Morro",
	"Beijo"};
static const char *const verbs_pt[] = {
	"Sambando", "Sonhando"};

/* fr */
static const char *const patterns_fr[] = {
	"%n de %n", "La %n de %P", "%a %n", "Un café avec %P", "Sous la %n", "Rue de la %n",
	"%P, ma %n", "Encore une %n", "Je t'attends à %c", "%n d'hiver", "Bonjour, %n",
	"Quand vient la %n", "Valse pour %P", "%n et %n", "Loin de %c", "Ma %n oubliée",
	"Adieu, %n", "%n, %n et %n", "%a %n de %c", "%P et la %n", "%n à %c avec %P",
	"Entre la %n et la %n", "La %n de %P à %c"};
static const char *const adjectives_fr[] = {
	"Douce", "Petite", "Dernière", "Belle", "Longue", "Première", "Étrange", "Vieille",
	"Légère", "Fragile"};
static const char *const nouns_fr[] = {
	"pluie", "nuit", "mer", "fenêtre", "chanson", "lumière", "fleur", "saison", "plage",
	"étoile", "valise", "lune", "gare", "neige", "rivière", "fête", "ombre", "forêt",
	"poussière", "lettre", "romance", "brume", "marée", "cerise"};
static const char *const verbs_fr[] = {
	"Danser"};

/* de */
static const char *const patterns_de[] = {
	"%n im %n", "%a %n", "Regen über %c", "%n ohne %n", "Nacht in %c", "%P und der %n",
	"Kein %n", "Zug nach %c", "Zurück zum %n", "Der letzte %n", "%n für %P",
	"Straße nach %c", "Wo der %n schläft", "Noch ein %n", "%n und %n in %c",
	"%a %n über %c", "%P, der %n und ich", "%n, %n, %n", "Zwischen %n und %n"};
static const char *const adjectives_de[] = {
	"Grüner", "Stiller", "Müder", "Schöner", "Letzter", "Kühler", "Süßer", "Fremder",
	"Heller", "Später"};
static const char *const nouns_de[] = {
	"Regen", "Winter", "Mond", "Sturm", "Schatten", "Himmel", "Beton", "Traum", "Nebel",
	"Hafen", "Garten", "Fluss", "Morgen", "Abend", "Staub", "Schnee", "Spiegel",
	"Bahnhof", "Sommer", "Stern", "Wald", "Strom"};
static const char *const verbs_de[] = {
	"Tanzen"};

/* fi */
static const char *const patterns_fi[] = {
	"%n ja %n", "Sade %p-kadulla", "%a %n", "%P ja %n", "Yö: %c", "Viimeinen %n",
	"Pieni %n", "Missä on %n", "%n, %n", "Laulu: %P", "Tuuli ja %n", "Ei enää %n",
	"Syksyn %n", "%n, %n ja %n", "%P, %n ja %n", "%a %n, %a %n", "%n ja %c"};
static const char *const adjectives_fi[] = {
	"Hiljainen", "Sininen", "Pitkä", "Kylmä", "Musta", "Lämmin", "Unelias", "Vanha",
	"Yksinäinen", "Hämärä"};
static const char *const nouns_fi[] = {
	"lumi", "järvi", "syksy", "metsä", "kuu", "tähti", "satama", "aamu", "unelma",
	"sauna", "kesä", "yö", "ikävä", "lintu", "räntä", "juna", "valo", "hämärä", "ranta",
	"tuuli"};
static const char *const verbs_fi[] = {
	"Tanssi"};

/* ja */
static const char *const patterns_ja[] = {
	"%n", "%nの%n", "%a%nの%n", "%a%n", "%cの%n", "%nと%n", "%P、%n", "%a%nで",
	"%nに%n", "真夜中の%n", "さよなら%n", "%c・%n", "ふたりの%n", "%a%nと%n",
	"君と%nの%n", "%nまで、%a%n", "%nと%nの%n", "%cの%a%n", "%P、%a%nで", "%a%n、%a%n"};
static const char *const adjectives_ja[] = {
	"青い", "白い", "赤い", "遠い", "静かな", "優しい", "小さな", "透明な", "眠れない",
	"懐かしい", "新しい", "甘い", "眩しい", "冷たい", "さみしい", "最後の", "忘れた",
	"きらめく", "揺れる", "金色の"};
static const char *const nouns_ja[] = {
	"雨", "夜", "海", "月", "星", "風", "夢", "花", "空", "街", "夏", "雪", "窓",
	"電車", "手紙", "涙", "光", "影", "桜", "坂道", "喫茶店", "灯台", "花火", "約束",
	"秘密", "金魚", "自転車", "横断歩道", "レコード", "プール", "ネオン",
	"シティライト", "ドライブ", "メロディー", "ミラーボール", "ラジオ"};
static const char *const verbs_ja[] = {
	"踊る", "歩く"};

/* ko */
static const char *const patterns_ko[] = {
	"%n", "%a %n", "%n의 %n", "%c의 %n", "%n과 %n", "%a %n의 %n", "안녕, %n",
	"우리의 %n", "%n 속으로", "오늘 밤 %n", "%c, %a %n", "마지막 %n", "너와 %n",
	"%c의 %a %n", "%a %n, %a %n", "%n과 %n의 %n", "%a %n 속의 %n"};
static const char *const adjectives_ko[] = {
	"푸른", "작은", "달콤한", "빛나는", "외로운", "조용한", "하얀", "따뜻한",
	"아름다운", "낯선", "눈부신", "투명한", "새로운", "슬픈", "붉은", "느린"};
static const char *const nouns_ko[] = {
	"밤", "별", "달", "비", "바람", "꿈", "바다", "봄날", "눈물", "노을", "하늘",
	"거리", "창문", "여름", "향기", "비밀", "불꽃", "약속", "기차", "우산", "거울",
	"정원", "파도", "라디오", "산책", "커피", "계절", "편지"};
static const char *const verbs_ko[] = {
	"춤"};

/* ru */
static const char *const patterns_ru[] = {
	"%n и %n", "%a %n", "%n в городе %c", "Дом, где %n", "Последний %n", "%P и %n",
	"Тихий %n", "Там, где %n", "%n без конца", "Мой %n", "%a %n, %a %n", "%n, %n и %n",
	"%P, %n и %n", "%n над городом %c"};
static const char *const adjectives_ru[] = {
	"Синий", "Белый", "Ночной", "Далёкий", "Зимний", "Старый", "Пустой", "Вечный"};
static const char *const nouns_ru[] = {
	"снег", "дождь", "ветер", "поезд", "вокзал", "берег", "океан", "сон", "свет",
	"туман", "город", "рассвет", "мост", "август", "лес", "дом"};
static const char *const verbs_ru[] = {
	"Танец"};

/* ar */
static const char *const patterns_ar[] = {
	"%n و%n", "%n %c", "يا %n", "ليلة في %c", "أغنية %P", "%n بلا %n", "طريق إلى %c",
	"%n الصباح", "%n و%n و%n", "%P و%n و%n", "%n بين %n و%c"};
static const char *const adjectives_ar[] = {
	"جميل", "بعيد", "جديد"};
static const char *const nouns_ar[] = {
	"ليل", "قمر", "بحر", "مطر", "حنين", "نجمة", "شمس", "وردة", "قلب", "حلم", "سفر",
	"نسيم"};
static const char *const verbs_ar[] = {
	"رقص"};

/* hi */
static const char *const patterns_hi[] = {
	"%n और %n", "%a %n", "%c की %n", "मेरी %n", "%P की %n", "फिर वही %n", "ओ %n",
	"%n के पार", "%a %n और %a %n", "%P, %n और %n", "%c की %a %n"};
static const char *const adjectives_hi[] = {
	"नई", "भीगी", "प्यारी", "आख़िरी", "धीमी", "सुनहरी"};
static const char *const nouns_hi[] = {
	"बारिश", "रात", "चाँदनी", "हवा", "नदी", "याद", "सुबह", "शाम", "धूप", "कहानी", "राह",
	"ख़ुशबू"};
static const char *const verbs_hi[] = {
	"नाच"};

/* holiday */
static const char *const patterns_holiday[] = {
	"Christmas on %p Street", "%a Christmas, %P", "Snow Bells of %c",
	"Santa Missed the %n", "A %n for Christmas", "Merry %n", "Jingle All the Way to %c",
	"December %n", "%P's Christmas %n", "Under the Mistletoe with %P", "Silent %n",
	"Christmas Lights in %c", "Sleigh Ride to %c", "Last Christmas %n",
	"%a Christmas in %c", "%P's %a Christmas %n", "A %a %n for %P",
	"%n and %n on %p Street"};
static const char *const adjectives_holiday[] = {
	"White", "Merry", "Lonely", "Little", "First", "Cozy", "Starry", "Holly", "Frosty",
	"Candlelit"};
static const char *const nouns_holiday[] = {
	"Snowflake", "Fireplace", "Candle", "Stocking", "Reindeer", "Ribbon", "Gingerbread",
	"Bell", "Snowman", "Carol", "Winter Night", "Pine Tree"};
static const char *const verbs_holiday[] = {
	"Wrapping"};

/* kids */
static const char *const patterns_kids[] = {
	"The %a %n Song", "Lullaby for %P", "Count to %# with %P", "%n, %n, %n!",
	"Five Little %N", "Goodnight, %n", "The %n on the Bus", "Wash Your Hands, %P",
	"ABC with the %a %n", "Hop Like a %n", "Nursery Rhyme of the %n",
	"Sleep, Little %n", "The %a %n and the %a %n", "%P and the %a %n",
	"Goodnight, %a %n, Goodnight, %P"};
static const char *const adjectives_kids[] = {
	"Silly", "Happy", "Tiny", "Sleepy", "Bouncy", "Purple", "Hungry", "Wiggly",
	"Giggly", "Brave"};
static const char *const nouns_kids[] = {
	"Bunny", "Elephant", "Duckling", "Teddy", "Tractor", "Dinosaur", "Kitten",
	"Caterpillar", "Monkey", "Penguin", "Puppy", "Frog", "Train", "Bumblebee"};
static const char *const verbs_kids[] = {
	"Hopping"};

/* soundtrack */
static const char *const patterns_soundtrack[] = {
	"Main Theme (from \"%T\")", "%P's Theme (from \"%T\")", "The %n (from \"%T\")",
	"Arrival in %c (from \"%T\")", "End Credits (from \"%T\")",
	"%a %n (Original Motion Picture Soundtrack \"%T\")",
	"Chase Through %c (from \"%T\")", "The %a %n (from \"%T\")"};
static const char *const adjectives_soundtrack[] = {
	"Secret", "Final", "Hidden", "Last", "Ancient", "Fallen", "Long", "Forbidden",
	"Silver", "Lost"};
static const char *const nouns_soundtrack[] = {
	"Farewell", "Discovery", "Battle", "Letter", "Departure", "Reunion", "Betrayal",
	"Escape", "Storm", "Promise", "Descent", "Homecoming"};
static const char *const verbs_soundtrack[] = {
	"Escaping"};

/* anthem */
static const char *const patterns_anthem[] = {
	"National Anthem of %z", "Anthem of the Republic of %z",
	"%z, Land of %n (National Anthem)", "Anthem of %z FC"};
static const char *const adjectives_anthem[] = {
	"Proud", "Free"};
static const char *const nouns_anthem[] = {
	"Rivers", "Mountains", "Olive Trees", "Lakes", "Northern Stars", "Wheat",
	"Harbours", "Two Suns"};
static const char *const verbs_anthem[] = {
	"Rising"};

/* comedy */
static const char *const patterns_comedy[] = {
	"Stand-Up: %v with %P", "My %n and Other Problems (Live)",
	"Why %c Has No %n (Stand-Up)", "%P's %n Story (Comedy)",
	"A %n Walks into a Bar (Stand-Up)", "%P, the %n and Me (Stand-Up)",
	"%v in %c with My %n (Live)"};
static const char *const adjectives_comedy[] = {
	"Funny", "Awkward"};
static const char *const nouns_comedy[] = {
	"Dentist", "Landlord", "Diet", "Mother-in-Law", "Parrot", "Gym", "Wedding",
	"Printer", "Neighbour", "Lasagne", "Password", "Haircut"};
static const char *const verbs_comedy[] = {
	"Dating", "Camping", "Flying", "Cooking", "Arguing", "Shopping"};

const RecoDemoStyle reco_demo_styles_other[] = {
	{RECO_DEMO_LIST(patterns_es), RECO_DEMO_LIST(adjectives_es), RECO_DEMO_LIST(nouns_es),
	 RECO_DEMO_LIST(verbs_es)},
	{RECO_DEMO_LIST(patterns_pt), RECO_DEMO_LIST(adjectives_pt), RECO_DEMO_LIST(nouns_pt),
	 RECO_DEMO_LIST(verbs_pt)},
	{RECO_DEMO_LIST(patterns_fr), RECO_DEMO_LIST(adjectives_fr), RECO_DEMO_LIST(nouns_fr),
	 RECO_DEMO_LIST(verbs_fr)},
	{RECO_DEMO_LIST(patterns_de), RECO_DEMO_LIST(adjectives_de), RECO_DEMO_LIST(nouns_de),
	 RECO_DEMO_LIST(verbs_de)},
	{RECO_DEMO_LIST(patterns_fi), RECO_DEMO_LIST(adjectives_fi), RECO_DEMO_LIST(nouns_fi),
	 RECO_DEMO_LIST(verbs_fi)},
	{RECO_DEMO_LIST(patterns_ja), RECO_DEMO_LIST(adjectives_ja), RECO_DEMO_LIST(nouns_ja),
	 RECO_DEMO_LIST(verbs_ja)},
	{RECO_DEMO_LIST(patterns_ko), RECO_DEMO_LIST(adjectives_ko), RECO_DEMO_LIST(nouns_ko),
	 RECO_DEMO_LIST(verbs_ko)},
	{RECO_DEMO_LIST(patterns_ru), RECO_DEMO_LIST(adjectives_ru), RECO_DEMO_LIST(nouns_ru),
	 RECO_DEMO_LIST(verbs_ru)},
	{RECO_DEMO_LIST(patterns_ar), RECO_DEMO_LIST(adjectives_ar), RECO_DEMO_LIST(nouns_ar),
	 RECO_DEMO_LIST(verbs_ar)},
	{RECO_DEMO_LIST(patterns_hi), RECO_DEMO_LIST(adjectives_hi), RECO_DEMO_LIST(nouns_hi),
	 RECO_DEMO_LIST(verbs_hi)},
	{RECO_DEMO_LIST(patterns_holiday), RECO_DEMO_LIST(adjectives_holiday),
	 RECO_DEMO_LIST(nouns_holiday), RECO_DEMO_LIST(verbs_holiday)},
	{RECO_DEMO_LIST(patterns_kids), RECO_DEMO_LIST(adjectives_kids),
	 RECO_DEMO_LIST(nouns_kids), RECO_DEMO_LIST(verbs_kids)},
	{RECO_DEMO_LIST(patterns_soundtrack), RECO_DEMO_LIST(adjectives_soundtrack),
	 RECO_DEMO_LIST(nouns_soundtrack), RECO_DEMO_LIST(verbs_soundtrack)},
	{RECO_DEMO_LIST(patterns_anthem), RECO_DEMO_LIST(adjectives_anthem),
	 RECO_DEMO_LIST(nouns_anthem), RECO_DEMO_LIST(verbs_anthem)},
	{RECO_DEMO_LIST(patterns_comedy), RECO_DEMO_LIST(adjectives_comedy),
	 RECO_DEMO_LIST(nouns_comedy), RECO_DEMO_LIST(verbs_comedy)},
};
