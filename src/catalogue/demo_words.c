/*-------------------------------------------------------------------------
 *
 * demo_words.c
 *	  Words of made-up titles in English, by mood and by genre.
 *
 * Purpose: give titles that fit the sound of a track.
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

/* calm dark */
static const char *const patterns_calm_dark[] = {
	"%a %n", "%a %n", "%n on %p Street", "Rain on %p Street", "%n for %P",
	"What %P Left Behind", "The Last %n in %c", "%v the %n", "Half a %n", "%t %n",
	"Nobody's %n", "Where the %n Went", "%a %n in %c", "%m, %a %n", "Letters from %c",
	"%n Without %n", "%P, the %n", "If the %n Comes Back", "%v Past %p Street",
	"Before the %n Left %c", "A %n Called %P", "%a as the %n", "%v Through %m",
	"The %n Between Us", "I Kept Your %n", "%P in the %n", "%n and %n",
	"%v Alone in %c", "My %a %n", "Some %a %n"};
static const char *const adjectives_calm_dark[] = {
	"Grey", "Quiet", "Hollow", "Faded", "Distant", "Lonely", "Pale", "Broken", "Empty",
	"Slow", "Silent", "Cold", "Fallen", "Drifting", "Blue", "Frozen", "Weary",
	"Forgotten", "Unsent", "Late", "Misty", "Tender", "Borrowed", "Half-Lit",
	"Wintered", "Sleepless", "Careful", "Heavy", "Salted", "Unspoken", "Wandering",
	"Dim", "Worn", "Restless", "Missing", "Folded", "Foggy", "Patient", "Lost", "Thin"};
static const char *const nouns_calm_dark[] = {
	"Rain", "Harbour", "Window", "Letter", "Snow", "Shadow", "Tide", "Candle", "Ghost",
	"Winter", "Platform", "Goodbye", "River", "Ceiling", "Ash", "Moth", "Station",
	"Photograph", "Lantern", "Silence", "Ferry", "Coat", "November", "Echo",
	"Stairwell", "Umbrella", "Ocean", "Lullaby", "Mirror", "Feather", "Orchard",
	"Postcard", "Fog", "Staircase", "Sparrow", "Lighthouse", "Attic", "Dust", "Sigh",
	"Curtain", "Willow", "Telephone", "Hallway", "Wound", "Moon", "Kitchen Light",
	"Empty Chair", "Night Bus", "Old Coat", "Paper Boat", "Wet Leaves", "Waiting Room",
	"Back Door", "Cold Tea", "Small Hour", "Quiet Room", "Lost Year", "Low Tide",
	"Long Shore", "First Frost"};
static const char *const verbs_calm_dark[] = {
	"Missing", "Leaving", "Losing", "Watching", "Forgetting", "Waiting for",
	"Drifting past", "Counting", "Burying", "Remembering", "Following", "Folding",
	"Hiding", "Dreaming of", "Walking", "Fading into", "Writing to", "Mourning",
	"Sleeping beside", "Carrying", "Letting Go of", "Returning to", "Listening to",
	"Reading"};

/* calm bright */
static const char *const patterns_calm_bright[] = {
	"%a %n", "%a %n", "Morning on %p Street", "Coffee with %P", "%n by the Window",
	"%n on %p Street", "%n for %P", "%t %n", "%v the %n", "A %n in %m", "Easy as a %n",
	"%a %n in %c", "%P's %n", "Two Tickets to %c", "The %a Side of %c", "%v Home to %P",
	"%n and %n", "Stay for the %n", "%n over %c", "All the %N of %m", "Someone's %a %n",
	"%v with %P", "One More %n", "The %n on the Hill", "%m in %c", "Little %a %n",
	"%n Weather", "Our %a %n"};
static const char *const adjectives_calm_bright[] = {
	"Golden", "Gentle", "Warm", "Honey", "Soft", "Easy", "Sunlit", "Lazy", "Tender",
	"Clear", "Sweet", "Amber", "Kind", "Early", "Barefoot", "Slow", "Light", "Mellow",
	"Open", "Green", "Friendly", "Simple", "Homemade", "Peach", "Silver", "Floating",
	"Wild", "Cinnamon", "Cotton", "Velvet", "Little", "Bright", "Unhurried", "Sleepy",
	"Sunday", "Copper", "Breezy", "Rosy", "Summer", "Second"};
static const char *const nouns_calm_bright[] = {
	"Morning", "Garden", "Hammock", "Meadow", "Coffee", "Sunday", "Breeze", "Orange",
	"Porch", "Bicycle", "Picnic", "Blanket", "Honey", "Cloud", "Lemon Tree", "Kitchen",
	"Afternoon", "Balcony", "Kite", "Seashell", "Veranda", "Daydream", "Book", "Ribbon",
	"Campfire", "Cabin", "Lake", "Breakfast", "Wildflower", "Teacup", "Swallow", "Sail",
	"Bakery", "Sunbeam", "Harvest", "Hillside", "Pillow", "Riverbank", "Sweater",
	"Tomorrow", "Open Road", "Paper Kite", "Apple Tree", "Window Seat", "Slow Train",
	"Second Cup", "Front Porch", "Summer House", "Green Door", "Warm Bread",
	"Wooden Boat", "Market Day", "Clear Sky", "Old Guitar", "Ripe Plum", "Back Garden",
	"Long Weekend", "Good News", "Spare Key", "Quiet Bay"};
static const char *const verbs_calm_bright[] = {
	"Painting", "Watering", "Watching", "Chasing", "Sharing", "Humming", "Planting",
	"Baking", "Finding", "Holding", "Borrowing", "Drinking", "Floating past", "Waking",
	"Gathering", "Waving at", "Opening", "Learning", "Keeping", "Whistling to",
	"Sketching", "Walking", "Sailing", "Resting by"};

/* loud bright */
static const char *const patterns_loud_bright[] = {
	"%a %n", "%a %n", "%v All Night", "Turn Up the %n", "%P on Fire", "Run to the %n",
	"%n on %p Street", "%v in %c", "Hands Up, %c", "%n!", "%t in %c", "%a %n in %c",
	"%v the %n", "%P's %a %n", "Give Me %n", "The %n Is Ours", "%v Like a %n",
	"More %n, Less %n", "Feel the %n", "Come On, %P", "%n After %n",
	"Dancing down %p Street", "We Are the %n", "%v with the %n", "One %a %n",
	"Save the %n for %P", "%c, %c, %c", "%a %n Parade", "Hello, %a %n"};
static const char *const adjectives_loud_bright[] = {
	"Neon", "Electric", "Golden", "Wild", "Brave", "Crystal", "Endless", "Dizzy",
	"Young", "Fearless", "Sugar", "Glitter", "Supersonic", "Burning", "Flying",
	"Bright", "Shiny", "Cherry", "Lucky", "Crazy", "Turbo", "Summer", "Rainbow",
	"Diamond", "Solar", "Loud", "Instant", "Magic", "Bubblegum", "Hot", "Ultra",
	"Midnight", "Runaway", "Double", "Plastic", "Rocket", "Holographic", "High", "Free",
	"Saturday"};
static const char *const nouns_loud_bright[] = {
	"Detour", "Parade", "Heartbeat", "Firework", "Radio", "Summer", "Skyline",
	"Carnival", "Disco", "Rocket", "Lightning", "Weekend", "Rollercoaster", "Spotlight",
	"Sunrise", "Jukebox", "Trampoline", "Party", "Rhythm", "Sugar", "Boulevard",
	"Highway", "Comet", "Cannonball", "Confetti", "Lemonade", "Jackpot", "Boombox",
	"Rooftop", "Wave", "Arcade", "Satellite", "Hurricane", "Champion", "Volcano",
	"Chorus", "Hologram", "Starlight", "Tornado", "Voltage", "Ferris Wheel",
	"Dance Floor", "Open Sky", "Speed of Light", "Good Time", "Main Street",
	"Victory Lap", "First Kiss", "Taxi Ride", "Loudspeaker", "Silver Shoes", "Encore",
	"Sweet Spot", "Moonshot", "Paper Crown", "Pool Party", "Mirror Ball", "Sun",
	"Big City", "Full Moon"};
static const char *const verbs_loud_bright[] = {
	"Running", "Jumping", "Dancing", "Shouting", "Flying", "Shining", "Racing",
	"Chasing", "Lighting Up", "Stealing", "Rocking", "Waking", "Driving", "Spinning",
	"Climbing", "Screaming", "Winning", "Loving", "Bouncing", "Burning", "Swinging",
	"Glowing", "Surfing", "Crashing"};

/* loud dark */
static const char *const patterns_loud_dark[] = {
	"%a %n", "%a %n", "Break the %n", "%v Under %n", "No %n in %c", "%n Machine",
	"%n on %p Street", "%v the %n", "The %n Takes All", "%t %n", "%a %n in %c",
	"Nothing but %n", "Against the %n", "%n Versus %n", "%v out of %c", "%P Lies",
	"Every %n Falls", "%p Street Riot", "Teeth of the %n", "%a %n, %a %n", "Cut the %n",
	"Leave %c to the %n", "Your %a %n", "%n Like %n", "War of the %n", "Dead %n"};
static const char *const adjectives_loud_dark[] = {
	"Black", "Iron", "Savage", "Broken", "Bitter", "Rusted", "Burning", "Toxic",
	"Feral", "Crooked", "Bloodless", "Concrete", "Violent", "Hollow", "Ruined",
	"Static", "Wired", "Cruel", "Shattered", "Poison", "Final", "Blind", "Razor",
	"Scorched", "Buried", "Sinking", "Merciless", "Dirty", "Paranoid", "Venom", "Last",
	"Vicious", "Obsidian", "Grave", "Falling", "Infinite", "Nervous", "Caustic", "Bent",
	"Rotten"};
static const char *const nouns_loud_dark[] = {
	"Wire", "Crown", "Engine", "Riot", "Wolf", "Fever", "Ruin", "Hammer", "Cage",
	"Fuse", "Storm", "Knife", "Static", "Furnace", "Alarm", "Concrete", "Verdict",
	"Serpent", "Siren", "Wreck", "Gasoline", "Fracture", "Collapse", "Smoke", "Thorn",
	"Bullet", "Nightmare", "Chain", "Throne", "Venom", "Barricade", "Exile", "Hunger",
	"Cathedral", "Blackout", "Inferno", "Trench", "Vulture", "Panic", "Razor", "Empire",
	"Breakdown", "Tower", "Hangman", "Pressure", "Enemy", "Sabotage", "Undertow",
	"Empty Gun", "Broken Glass", "Red Signal", "Dead End", "Night Shift", "Fault Line",
	"Cold War", "Last Exit", "Scar", "Bad Blood", "Burned Bridge", "Fire Drill"};
static const char *const verbs_loud_dark[] = {
	"Burning", "Breaking", "Bleeding", "Hunting", "Drowning", "Tearing", "Burying",
	"Cursing", "Fighting", "Crawling", "Wrecking", "Choking", "Falling", "Haunting",
	"Shattering", "Starving", "Setting Fire to", "Raging", "Sinking", "Swallowing",
	"Crushing", "Poisoning", "Screaming at", "Outrunning"};

/* techno */
static const char *const patterns_techno[] = {
	"%n %#", "%a %n", "Sector %#", "%a %n %#", "%n (%a)", "%nless", "%c %#", "Phase %r",
	"%n / %n", "%n.%#", "Hall %#, %c", "%a Loop", "Untitled %n", "%n Theory",
	"%n Drift", "Platform %#", "%n Sequence %r", "%a %n at 5 AM", "Tunnel to %c",
	"%a %n %r", "%n to %n", "%c %n %#", "%a %n (%c)", "%n %# (%a)", "%a Memory of %n"};
static const char *const adjectives_techno[] = {
	"Linear", "Parallel", "Modular", "Binary", "Kinetic", "Static", "Hypnotic", "Acid",
	"Analog", "Deep", "Concrete", "Magnetic", "Subsonic", "Polar", "Orbital",
	"Industrial", "Recursive", "Dry", "Phased", "Latent", "Ferric", "Voltage", "Serial",
	"Granular", "Dark", "Infrared", "Vertical", "Tectonic"};
static const char *const nouns_techno[] = {
	"Substrate", "Vector", "Circuit", "Signal", "Grid", "Machine", "Oscillator",
	"Warehouse", "Relay", "Matrix", "Current", "Pulse", "Axis", "Module", "Spectrum",
	"Basement", "Turbine", "Frequency", "Lattice", "Particle", "Feedback", "Carbon",
	"Transit", "Subway", "Filter", "Wavelength", "Node", "Protocol", "Motor", "Silo",
	"Gradient", "Horizon", "Plasma", "Membrane", "Resistor", "Kernel"};
static const char *const verbs_techno[] = {
	"Cycling", "Phasing", "Looping", "Driving", "Bending", "Splitting", "Stacking",
	"Scanning"};

/* dance */
static const char *const patterns_dance[] = {
	"%a %n", "%v Tonight", "Feel the %n", "%v (in %c)", "%n of Love", "Lost in the %n",
	"Take Me to %c", "Give It to the %n", "%P's Groove", "%a Love",
	"Higher Than the %n", "%v You", "Sunrise over %c", "All I Need Is %n",
	"Don't Stop the %n", "%n on the Floor", "%t in %c", "%a %n Tonight",
	"Bring Back the %n", "%v the %n Again", "One Night in %c", "We Own the %n",
	"%a %n in %c", "%v the %a %n", "%P and the %a %n", "%n, %n, %n", "%v with %P in %c",
	"%a Heart, %a %n"};
static const char *const adjectives_dance[] = {
	"Endless", "Electric", "Deep", "Neon", "Liquid", "Golden", "Euphoric", "Midnight",
	"Ultraviolet", "Velvet", "Strobe", "Crystal", "Disco", "Sweaty", "Solar",
	"Weightless", "Tropical", "Chrome", "Infinite", "Sweet", "Lucid", "Hazy", "Pulsing",
	"Mirrored", "Satin", "Lunar", "Reckless", "Loose"};
static const char *const nouns_dance[] = {
	"Bassline", "Groove", "Rhythm", "Night", "Fever", "Light", "Love", "Sun", "Body",
	"Floor", "Heat", "Dream", "Wave", "Sky", "Pulse", "Feeling", "Beat", "Weekend",
	"Echo", "Stars", "Rush", "Mirror Ball", "Strobe", "Speaker", "Kick Drum",
	"Afterhours", "Paradise", "Island", "Motion", "Gravity", "Sunrise", "City Lights",
	"Moment", "Heartbeat", "Drop", "Signal"};
static const char *const verbs_dance[] = {
	"Moving", "Falling", "Rising", "Dancing", "Floating", "Losing", "Touching",
	"Calling", "Needing", "Chasing", "Burning", "Holding", "Breathing", "Turning"};

/* ambient */
static const char *const patterns_ambient[] = {
	"%a %n", "%n, %n", "%n %r", "%a %n (%t)", "%n over %c", "Study for %n",
	"%n for Sleepers", "%v", "The %n Inside", "%m %n", "%a Water",
	"Field Recording, %c", "%v %n", "A Room of %n", "%n Becoming %n", "Lake %p at %t",
	"Slow %n for %c", "%n Without Edges", "%a %n, %m", "%n at %t, %c", "%v %a %n",
	"%a %n, %a %n", "%n of the %a %n", "%p Street, %t"};
static const char *const adjectives_ambient[] = {
	"Still", "Glacial", "Weightless", "Pale", "Submerged", "Infinite", "Dissolving",
	"Northern", "Soft", "Lunar", "Vaporous", "Drifting", "Deep", "Luminous", "Faint",
	"Suspended", "Clouded", "Open", "Slow", "Boundless", "Hushed", "Translucent",
	"Pelagic", "Frosted"};
static const char *const nouns_ambient[] = {
	"Snowfield", "Horizon", "Breath", "Aurora", "Estuary", "Lichen", "Harbour", "Tide",
	"Satellite", "Moss", "Fjord", "Cloudbank", "Drift", "Halo", "Meridian", "Dew",
	"Reservoir", "Orbit", "Canopy", "Sleep", "Glass", "Hum", "Shoreline", "Vapour",
	"Dusk", "Stillness", "Archipelago", "Sediment", "Delta", "Nebula", "Valley", "Echo",
	"Sea Ice", "Long Wave", "Night Rain", "First Light"};
static const char *const verbs_ambient[] = {
	"Drifting", "Dissolving", "Settling", "Breathing", "Floating", "Waiting",
	"Unfolding", "Receding", "Hovering", "Listening", "Sinking", "Glowing"};

/* classical */
static const char *const patterns_classical[] = {
	"Nocturne No. %# in %k", "Prelude in %k, Op. %#", "Sonata No. %# in %k: %r. %a",
	"String Quartet No. %#: %r. %a", "Étude No. %# \"%n\"", "Suite for Cello: %r. %a",
	"%n, for Piano", "Waltz in %k", "Concerto in %k: %r. %a",
	"Variations on \"%n\": No. %#", "Symphony No. %# in %k: %r. %a", "Elegy for %P",
	"%a in %k", "Impromptu in %k", "Album Leaf for %P",
	"Piano Trio in %k, Op. %#: %r. %a", "Bagatelle No. %# in %k",
	"Fantasia on \"%n\" in %k", "Romance in %k, Op. %#", "The %n: %r. %a"};
static const char *const adjectives_classical[] = {
	"Andante", "Allegro", "Adagio", "Largo", "Presto", "Moderato", "Allegretto",
	"Lento", "Andantino", "Vivace", "Scherzo", "Rondo", "Menuetto", "Allegro assai",
	"Adagio sostenuto", "Molto vivace", "Cantabile", "Finale"};
static const char *const nouns_classical[] = {
	"The Swallow", "Winter Garden", "The Mill", "Night Procession", "Silver Birches",
	"The Fountain", "Harvest Song", "The Lark", "Distant Bells", "Moonrise",
	"The Weaver", "Snow Scene", "The Clockmaker", "Barcarolle", "Pastoral",
	"The Orchard", "Reverie", "Spring Thaw", "The Empty Theatre", "Hymn", "Canzonetta",
	"Masquerade", "The Old Bridge", "Berceuse"};
static const char *const verbs_classical[] = {
	"Dreaming"};

/* lofi */
static const char *const patterns_lofi[] = {
	"%a %n", "%n & %n", "%n in %c", "%t %n", "%a %n (%m)", "%n for %P", "%v",
	"%n on %p street", "page %#", "%a %n, pt. %#", "%v by the %n", "%P's %n",
	"left my %n in %c", "%n tape %#", "5 more minutes of %n", "%a %n and %a %n",
	"%n on a %a %n", "%P & the %a %n", "%a %n in %c", "%v with %P in %m", "%n, %n, %n"};
static const char *const adjectives_lofi[] = {
	"sleepy", "rainy", "dusty", "warm", "foggy", "lazy", "cozy", "blurry", "tiny",
	"quiet", "slow", "pale", "soft", "late", "paper", "faded", "mossy", "half asleep",
	"lukewarm", "hazy", "overcast", "homesick", "woolen", "cloudy"};
static const char *const nouns_lofi[] = {
	"window", "notebook", "tea", "cassette", "bus stop", "desk lamp", "blanket", "cat",
	"rooftop", "train ride", "homework", "ramen", "sunset", "puddle", "bookshop",
	"sweater", "houseplant", "daydream", "laundry", "headphones", "crayon",
	"vending machine", "umbrella", "couch", "morning", "snowfall", "library", "bakery",
	"tram", "balcony", "sketchbook", "kettle", "polaroid", "elevator", "goldfish",
	"night light"};
static const char *const verbs_lofi[] = {
	"studying", "dozing off", "waiting", "drifting", "doodling", "walking home",
	"daydreaming", "unwinding", "breathing", "missing you", "staying in", "sipping"};

/* metal */
static const char *const patterns_metal[] = {
	"%n of %n", "%a %n", "The %n of %P", "%v the %n", "Beneath the %n", "%n Eternal",
	"%a %n, %a %n", "Throne of %n", "Upon the %a %n", "I Am the %n", "Rise of the %n",
	"%n and %n", "When the %n Burns", "Through %a Gates", "%r. %n", "%v in %n",
	"March of the %a %n", "From %n to %n", "Sworn to the %n", "No God but %n",
	"%n upon %n", "%a %n of %c", "The %a %n of %n", "%v the %a %n",
	"Where %n Devours %n", "%a Is the %n"};
static const char *const adjectives_metal[] = {
	"Black", "Iron", "Eternal", "Crimson", "Burning", "Fallen", "Ancient",
	"Blasphemous", "Frozen", "Unholy", "Withered", "Obsidian", "Desolate", "Thunderous",
	"Spectral", "Wrathful", "Forsaken", "Molten", "Bloodstained", "Silent", "Nameless",
	"Storm-Borne", "Hollow", "Barbed", "Pale", "Faithless", "Cursed", "Endless"};
static const char *const nouns_metal[] = {
	"Ash", "Thunder", "Throne", "Wolves", "Plague", "Abyss", "Ruin", "Steel",
	"Oblivion", "Winter", "Serpent", "Crown", "Wrath", "Bone", "Tomb", "Fire", "Sorrow",
	"Blood", "Void", "Ravens", "Pyre", "Doom", "Leviathan", "Monolith", "Sacrament",
	"Catacomb", "Hammer", "Silence", "Famine", "Gallows", "Colossus", "Exile", "Dusk",
	"Warlord", "Altar", "Venom"};
static const char *const verbs_metal[] = {
	"Crushing", "Summoning", "Devouring", "Burning", "Forging", "Slaying", "Crowning",
	"Drowning", "Defying", "Carving", "Feeding", "Betraying"};

/* country */
static const char *const patterns_country[] = {
	"%n on the %n", "%a %n", "Back to %p County", "%P's %n", "My Daddy's %n",
	"%n, %n and You", "%v Down %p Road", "Whiskey and %n", "Old %a %n", "That %a %n",
	"Where the %n Ends", "%v with %P", "One More %n for %P", "Ain't No %n",
	"Dirt Road %n", "%c Never Had a %n", "Mama's %a %n", "%n Don't Lie",
	"Leaving %c in the Rain", "A %n This Side of %p County", "%P and the %a %n",
	"%a %n in %c", "%v to %c with %P", "%a %n, %a %n", "%n at the %p County Line",
	"Tell %P I Sold the %n"};
static const char *const adjectives_country[] = {
	"Dusty", "Rusty", "Honest", "Whiskey", "Barefoot", "Southern", "Tin-Roof", "Broken",
	"Long", "Homegrown", "Gravel", "Sweet", "Restless", "Borrowed", "Wild", "Sunday",
	"Silver", "Muddy", "Faded", "Hand-Me-Down", "Slow", "Good Old", "Lonesome",
	"Blue-Eyed"};
static const char *const nouns_country[] = {
	"Truck", "Porch", "Highway", "Barn", "Boots", "River", "Whiskey", "Fence",
	"Heartache", "Tailgate", "Moonshine", "Rodeo", "Front Gate", "Guitar", "Sunset",
	"Jukebox", "Prairie", "Bonfire", "Creek", "Pickup", "Steeple", "Wildfire",
	"Cornfield", "Screen Door", "Cowboy Hat", "Neon Sign", "Train", "Saddle", "Old Dog",
	"Home", "Motel", "Gravel Road", "Water Tower", "Denim", "Honky-Tonk", "Harvest Moon"};
static const char *const verbs_country[] = {
	"Driving", "Drinking", "Riding", "Fishing", "Praying", "Rolling", "Walking",
	"Singing", "Leaning", "Crying", "Slow Dancing", "Raising Cain"};

/* jazz */
static const char *const patterns_jazz[] = {
	"Blues for %P", "Waltz for %P", "%n in %k", "%a %n", "The %a %n", "%t at %p Street",
	"%n Swing", "So %a", "%P's Dilemma", "%c After Hours", "%n Minor",
	"%v on %p Street", "Autumn in %c", "Theme for %P", "%n and %n",
	"Don't Blame the %n", "Softly, the %n", "Take the %n", "%P Steps Out",
	"Ballad of a %a %n", "%c Nocturne", "A %n at %t", "Stroll with %P"};
static const char *const adjectives_jazz[] = {
	"Blue", "Smoky", "Crooked", "Velvet", "Mellow", "Lonesome", "Uptown", "Sly",
	"Restless", "Sentimental", "Cool", "Amber", "Satin", "Sideways", "Late", "Lazy",
	"Misty", "Elegant", "Secret", "Bittersweet", "Indigo", "Slow", "Sultry", "Quiet"};
static const char *const nouns_jazz[] = {
	"Moonlight", "Brass", "Taxi", "Serenade", "Fedora", "Trumpet", "Footsteps",
	"Manhattan", "Sidewalk", "Night Train", "Cigarette", "Reverie", "Corner Table",
	"Piano", "Swallow", "Detour", "Cognac", "Bop", "Hideaway", "Nightcap", "Silhouette",
	"Alibi", "Conversation", "Boulevard", "Fog", "Rendezvous", "Side Door",
	"Candlelight", "Starling", "Mood", "Last Call", "Penthouse", "Caravan", "Umbrella",
	"Second Set", "Avenue"};
static const char *const verbs_jazz[] = {
	"Strolling", "Swinging", "Whispering", "Waiting", "Gliding", "Dancing", "Tiptoeing",
	"Rambling", "Cruising", "Wandering"};

/* urban */
static const char *const patterns_urban[] = {
	"%a %n", "%n Talk", "No %n", "%v (Freestyle)", "%n Szn", "%c to %c", "%P Flow",
	"All My %N", "Big %n", "%v on %p Street", "%a %n Freestyle", "%n Up", "On %n",
	"%n 2 %n", "Block %#", "Ask %P", "24/7 %n", "%v Different", "Whole %n",
	"Came from %c", "%n Interlude", "Still %v", "What's a %n to %P", "Too Much %n",
	"%n, Pt. %#", "%a on %p Street", "Rain or %n", "%a %n in %c", "%n on %n",
	"%v with %P", "%P Got the %n", "%a %n, %a %n", "%c Nights, %a %n"};
static const char *const adjectives_urban[] = {
	"Cold", "Heavy", "Gold", "Real", "Lowkey", "Fresh", "Wavy", "Icy", "Silent",
	"Major", "Raw", "Slick", "Night", "Loaded", "Broke", "Patient", "Solid", "Velvet",
	"Smooth", "Certified", "Uptown", "Late", "Southside", "Foreign"};
static const char *const nouns_urban[] = {
	"Chain", "Crown", "Hustle", "Block", "Paper", "Smoke", "Mirror", "Pressure",
	"Diamond", "Check", "Wave", "Throne", "Verse", "Mic", "Loyalty", "Engine", "Corner",
	"Mask", "Stack", "Window", "Sneaker", "Lesson", "Trophy", "Clock", "Ghost",
	"Receipt", "Bassline", "Promise", "Dollar", "Hunger", "Scar", "Contract", "Shine",
	"Mood", "Motion", "Sleep"};
static const char *const verbs_urban[] = {
	"Stacking", "Moving", "Rolling", "Praying", "Flexing", "Grinding", "Riding",
	"Winning", "Posted", "Running", "Switching", "Levitating", "Waiting", "Counting"};

/* groove */
static const char *const patterns_groove[] = {
	"%a %n", "Get Down, %P", "%v on the One", "Shake That %n", "%n Thing", "%c Strut",
	"Sweet %n", "Ain't It %a", "%v Together", "The %n Man", "Give Me Your %n",
	"%P's Got the %n", "Keep on %v", "Brother %P", "%a Like %n", "People, Get the %n",
	"Baby, It's %a", "%n of My Heart", "Stone %a", "Right On, %c", "(You Got) That %n",
	"Hold On to Your %n", "Do the %c %n", "I Need Your %n, %P", "%v with the %n",
	"%a %n, %a %n", "%P, You Got That %n", "The %a %n of %c", "%n in My %n",
	"Give %P a Little %n"};
static const char *const adjectives_groove[] = {
	"Funky", "Sweet", "Stone", "Velvet", "Superfly", "Cosmic", "Soulful", "Greasy",
	"Golden", "Smooth", "Sticky", "Sugar", "Deep", "Brass", "Righteous", "Tight",
	"Slippery", "Honey", "Uptown", "Heavy", "Groovy", "Midnight", "Hot", "Free"};
static const char *const nouns_groove[] = {
	"Love", "Groove", "Soul", "Strut", "Heart", "Shoes", "Thunder", "Sugar", "Boogie",
	"Mercy", "Fever", "Wah-Wah", "Bassline", "Honey", "Hips", "Magic", "Sunshine",
	"Hustle", "Lightning", "Touch", "Temptation", "Handclap", "Fire", "Gravy",
	"Devotion", "Tambourine", "Rhythm", "Woman", "Highway", "Promise", "Understanding",
	"Mothership", "Kiss", "Tears", "Freedom", "Horn Section"};
static const char *const verbs_groove[] = {
	"Movin'", "Groovin'", "Lovin'", "Strutting", "Shaking", "Holding On", "Dancing",
	"Burning", "Keep Walking", "Hustlin'", "Testifying", "Sliding"};

/* reggae */
static const char *const patterns_reggae[] = {
	"%a %n", "%n in %c", "Jah %n", "One %n", "%v in the Sun", "Roots of %n", "%n Dub",
	"Rise Up, %P", "%a Yard", "No More %n", "%n and Unity", "%c Rock", "%v Steady",
	"Natty %n", "Every %n", "Songs of %n", "Babylon %n", "Easy, %P", "%a Island %n",
	"Give Thanks for %n", "%n Version", "%a %n in %c", "%P and the %a %n",
	"%n for the %n", "%a %n, %a %n", "%v Down %p Road", "Tell %P It Is %a"};
static const char *const adjectives_reggae[] = {
	"Irie", "Easy", "Righteous", "Natural", "Sunny", "Island", "Steady", "Rude",
	"Sweet", "Upful", "Conscious", "Tropical", "Humble", "Golden", "Mighty", "Green",
	"Gentle", "Rebel", "Skanking", "Salty"};
static const char *const nouns_reggae[] = {
	"Love", "Roots", "Freedom", "Riddim", "Sunshine", "Harmony", "Zion", "Rain",
	"Babylon", "Mango", "Sound System", "Lion", "Ocean", "Unity", "Smile", "Market",
	"Drum", "Justice", "Sufferation", "Blessing", "Hillside", "Fire", "Morning",
	"Youth", "Peace", "Coconut", "Rhythm", "Trombone", "Journey", "Vibration"};
static const char *const verbs_reggae[] = {
	"Rocking", "Swaying", "Chanting", "Skanking", "Walking", "Smiling", "Dreaming",
	"Rising"};

/* gospel */
static const char *const patterns_gospel[] = {
	"%n of Grace", "Lord, %v Me", "Take Me to the %n", "%a %n", "Hallelujah in %c",
	"His %n Never Fails", "%v to the %n", "I Found %n", "Oh, %n", "When the %n Opens",
	"My Soul Is %a", "Glory on %p Street", "%n for the Weary", "Praise at %t",
	"Wade to the %n", "Thank You for the %n", "Every %a %n", "Holy %n", "%a %n, %a %n",
	"%P at the %n", "%v My %n to the %n", "The %n on %p Street",
	"%n and %n Shall Follow", "%a Is the %n"};
static const char *const adjectives_gospel[] = {
	"Amazing", "Holy", "Blessed", "Mighty", "Faithful", "Joyful", "Eternal", "Redeemed",
	"Gracious", "Humble", "Shining", "Thankful", "Higher", "Sacred", "Living",
	"Everlasting"};
static const char *const nouns_gospel[] = {
	"River", "Mercy", "Light", "Mountain", "Glory", "Faith", "Cross", "Heaven",
	"Salvation", "Altar", "Joy", "Blessing", "Jordan", "Angels", "Shelter", "Promise",
	"Morning", "Victory", "Grace", "Kingdom", "Prayer", "Gate", "Redeemer", "Lamb"};
static const char *const verbs_gospel[] = {
	"Lead", "Lift", "Carry", "Hold", "Guide", "Heal", "Restore", "Raise", "Walk with",
	"Send"};

/* synth */
static const char *const patterns_synth[] = {
	"%a %n", "%c %Y", "%n Drive", "%n '%y", "%v at %t", "%a Boulevard", "%n Protocol",
	"Chrome %n", "%P (%Y)", "%n Cascade", "%v Through %c", "%a %n '%y", "VHS %n",
	"%n Running", "Last Night in %c", "Beyond the %n", "%n Online", "Mall at %t",
	"%a %n Plaza", "%a %n '%y", "%n over %c", "%P and the %a %n", "%a %n %Y",
	"%n in %c, %Y", "%v Past the %a %n"};
static const char *const adjectives_synth[] = {
	"Neon", "Chrome", "Ultraviolet", "Digital", "Laser", "Midnight", "Electric",
	"Turbo", "Virtual", "Cobalt", "Magenta", "Analog", "Hyper", "Solar", "Crystal",
	"Pixel", "Retro", "Lost", "Holographic", "Infinite", "Pastel", "Satellite",
	"Marble", "Dreaming"};
static const char *const nouns_synth[] = {
	"Skyline", "Highway", "Arcade", "Grid", "Sunset", "Horizon", "Runner", "Cassette",
	"Outrun", "Mirage", "Dreams", "Cyborg", "Hologram", "Velocity", "Nightfall",
	"Palm Trees", "Circuit", "Blade", "Future", "Rain", "Starfighter", "Memory", "Heat",
	"Lotus", "Escalator", "Fountain", "Interface", "Boulevard", "Vision", "Empire",
	"Signal", "Overdrive"};
static const char *const verbs_synth[] = {
	"Driving", "Cruising", "Racing", "Drifting", "Chasing", "Burning", "Escaping",
	"Dreaming"};

/* dream */
static const char *const patterns_dream[] = {
	"%n", "%a %n", "%v", "%a %n (for %P)", "Slow %n", "%n in Reverse", "%v into %n",
	"Sleep, %P", "Everything Is %n", "%n/%n", "Soft %n, Loud %n", "You Were the %n",
	"%a Like %n", "When %P Sleeps", "The %a Hours", "To the %n of %c", "%n Haze",
	"%m Blur", "How to Disappear in %c", "And Then the %n Opened", "%a %n, %a %n",
	"%n for the %a", "%v in %c", "%P and the %n", "%a %n in %m", "%v Beneath the %a %n"};
static const char *const adjectives_dream[] = {
	"Blurred", "Drowsy", "Opal", "Violet", "Washed", "Weightless", "Pink", "Melting",
	"Hazy", "Swirling", "Dissolved", "Glass", "Underwater", "Narcotic", "Silver",
	"Feathered", "Bleached", "Sunken", "Luminous", "Velveteen", "Half-Awake", "Distant",
	"Overexposed", "Marble"};
static const char *const nouns_dream[] = {
	"Haze", "Undertow", "Petals", "Blossom", "Static", "Cathedral", "Halo", "Vapor",
	"Honeycomb", "Lavender", "Collapse", "Sway", "Mirage", "Swimming Pool",
	"Slow Motion", "Afterglow", "Fever", "Silk", "Eclipse", "Ultramarine", "Cascade",
	"Sleepwalker", "Daylight", "Ribbon", "Shoreline", "Bloom", "Ceiling", "Avalanche",
	"Constellation", "Feedback", "Cinema", "Cherry"};
static const char *const verbs_dream[] = {
	"Dissolving", "Swimming", "Falling Asleep", "Melting", "Fading", "Orbiting",
	"Sinking", "Blooming", "Vanishing", "Waking"};

const RecoDemoStyle reco_demo_styles_english[] = {
	{RECO_DEMO_LIST(patterns_calm_dark), RECO_DEMO_LIST(adjectives_calm_dark),
	 RECO_DEMO_LIST(nouns_calm_dark), RECO_DEMO_LIST(verbs_calm_dark)},
	{RECO_DEMO_LIST(patterns_calm_bright), RECO_DEMO_LIST(adjectives_calm_bright),
	 RECO_DEMO_LIST(nouns_calm_bright), RECO_DEMO_LIST(verbs_calm_bright)},
	{RECO_DEMO_LIST(patterns_loud_bright), RECO_DEMO_LIST(adjectives_loud_bright),
	 RECO_DEMO_LIST(nouns_loud_bright), RECO_DEMO_LIST(verbs_loud_bright)},
	{RECO_DEMO_LIST(patterns_loud_dark), RECO_DEMO_LIST(adjectives_loud_dark),
	 RECO_DEMO_LIST(nouns_loud_dark), RECO_DEMO_LIST(verbs_loud_dark)},
	{RECO_DEMO_LIST(patterns_techno), RECO_DEMO_LIST(adjectives_techno),
	 RECO_DEMO_LIST(nouns_techno), RECO_DEMO_LIST(verbs_techno)},
	{RECO_DEMO_LIST(patterns_dance), RECO_DEMO_LIST(adjectives_dance),
	 RECO_DEMO_LIST(nouns_dance), RECO_DEMO_LIST(verbs_dance)},
	{RECO_DEMO_LIST(patterns_ambient), RECO_DEMO_LIST(adjectives_ambient),
	 RECO_DEMO_LIST(nouns_ambient), RECO_DEMO_LIST(verbs_ambient)},
	{RECO_DEMO_LIST(patterns_classical), RECO_DEMO_LIST(adjectives_classical),
	 RECO_DEMO_LIST(nouns_classical), RECO_DEMO_LIST(verbs_classical)},
	{RECO_DEMO_LIST(patterns_lofi), RECO_DEMO_LIST(adjectives_lofi),
	 RECO_DEMO_LIST(nouns_lofi), RECO_DEMO_LIST(verbs_lofi)},
	{RECO_DEMO_LIST(patterns_metal), RECO_DEMO_LIST(adjectives_metal),
	 RECO_DEMO_LIST(nouns_metal), RECO_DEMO_LIST(verbs_metal)},
	{RECO_DEMO_LIST(patterns_country), RECO_DEMO_LIST(adjectives_country),
	 RECO_DEMO_LIST(nouns_country), RECO_DEMO_LIST(verbs_country)},
	{RECO_DEMO_LIST(patterns_jazz), RECO_DEMO_LIST(adjectives_jazz),
	 RECO_DEMO_LIST(nouns_jazz), RECO_DEMO_LIST(verbs_jazz)},
	{RECO_DEMO_LIST(patterns_urban), RECO_DEMO_LIST(adjectives_urban),
	 RECO_DEMO_LIST(nouns_urban), RECO_DEMO_LIST(verbs_urban)},
	{RECO_DEMO_LIST(patterns_groove), RECO_DEMO_LIST(adjectives_groove),
	 RECO_DEMO_LIST(nouns_groove), RECO_DEMO_LIST(verbs_groove)},
	{RECO_DEMO_LIST(patterns_reggae), RECO_DEMO_LIST(adjectives_reggae),
	 RECO_DEMO_LIST(nouns_reggae), RECO_DEMO_LIST(verbs_reggae)},
	{RECO_DEMO_LIST(patterns_gospel), RECO_DEMO_LIST(adjectives_gospel),
	 RECO_DEMO_LIST(nouns_gospel), RECO_DEMO_LIST(verbs_gospel)},
	{RECO_DEMO_LIST(patterns_synth), RECO_DEMO_LIST(adjectives_synth),
	 RECO_DEMO_LIST(nouns_synth), RECO_DEMO_LIST(verbs_synth)},
	{RECO_DEMO_LIST(patterns_dream), RECO_DEMO_LIST(adjectives_dream),
	 RECO_DEMO_LIST(nouns_dream), RECO_DEMO_LIST(verbs_dream)},
};
