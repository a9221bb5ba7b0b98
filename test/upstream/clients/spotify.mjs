// Spotify's SDK against the emulator: client credentials, then what an app may read.
// The SDK has its addresses built in, so fetch is what leads it here.
import { SpotifyApi } from "@spotify/web-api-ts-sdk";

const base = process.env.EMULATOR;
const known = JSON.parse(process.env.KNOWN);
const say = (good, name, detail) => console.log(JSON.stringify({ ok: !!good, name, detail }));

const real = globalThis.fetch;
let away = 0;
globalThis.fetch = (address, init) => {
  const here = String(address)
    .replace("https://api.spotify.com/v1", base + "/spotify/v1")
    .replace("https://accounts.spotify.com", base + "/spotify-accounts");
  away += here.startsWith(base) ? 0 : 1;
  return real(here, init);
};

const api = SpotifyApi.withClientCredentials("client", "secret");

const found = await api.search("rainy", ["track", "artist"], undefined, 5);
say(found.tracks.items.length === 5 && found.tracks.items[0].album.id, "search", found.tracks.total);
const tracks = await api.tracks.get(known.tracks);
say(tracks.map((t) => t.id).join() === known.tracks.join(), "several tracks, in order");
const artist = await api.artists.get(known.artist);
say(artist.id === known.artist && Array.isArray(artist.genres), "an artist");
const top = await api.artists.topTracks(known.artist, "DE");
say(top.tracks.length > 0 && top.tracks.length <= 10, "an artist's top tracks");
const features = await api.tracks.audioFeatures(known.tracks);
say(features.length === known.tracks.length && features[0].id === known.tracks[0], "audio features");
const album = await api.albums.get(tracks[0].album.id);
say(album.tracks.items.length > 0, "an album");
const recommended = await api.recommendations.get({ seed_tracks: [known.tracks[0]], limit: 4 });
say(recommended.tracks.length === 4 && recommended.seeds.length === 1, "recommendations");
const wrong = await SpotifyApi.withClientCredentials("client", "wrong").markets.getAvailableMarkets()
  .then(() => "no error", (error) => String(error));
say(/access token/.test(wrong), "a wrong secret is an error", wrong);
const refused = await api.currentUser.topItems("tracks").then(() => "no error", (e) => String(e));
say(/Insufficient client scope/.test(refused), "an app has no top tracks", refused);
say(away === 0, "nothing was asked elsewhere");
