// The npm package "@google/genai" against the emulator.
import { GoogleGenAI, Type } from "@google/genai";

const base = process.env.EMULATOR;
const say = (good, name, detail) => console.log(JSON.stringify({ ok: !!good, name, detail }));
const client = (apiKey) => new GoogleGenAI({
  apiKey, apiVersion: "v1beta", httpOptions: { baseUrl: base + "/gemini" } });
const model = "gemini-3.6-flash";
const contents = "rainy sunday, calm";
const ai = client("k");

const plain = await ai.models.generateContent({ model, contents });
say(typeof plain.text === "string" && plain.text && plain.usageMetadata.totalTokenCount > 0
  && plain.modelVersion === model, "an answer", plain.text);
const responseSchema = {
  type: Type.OBJECT, required: ["energy", "moods"], propertyOrdering: ["energy", "moods"],
  properties: {
    energy: { type: Type.NUMBER, minimum: 0.2, maximum: 0.4 },
    moods: { type: Type.ARRAY, items: { type: Type.STRING }, maxItems: "5" },
  },
};
const config = { responseMimeType: "application/json", responseSchema,
  systemInstruction: "You plan playlists." };
const fits = (value) => value.energy >= 0.2 && value.energy <= 0.4 && Array.isArray(value.moods)
  && value.moods.every((mood) => typeof mood === "string");
const kept = await ai.models.generateContent({ model, contents, config });
say(fits(JSON.parse(kept.text)), "an answer that keeps to a schema", kept.text);
const responseJsonSchema = { type: "object", properties: {
  energy: { type: "number", minimum: 0.2, maximum: 0.4 },
  moods: { type: "array", items: { type: "string" } } }, required: ["energy", "moods"] };
const json = await ai.models.generateContent({ model, contents,
  config: { responseMimeType: "application/json", responseJsonSchema } });
say(fits(JSON.parse(json.text)), "and to a JSON schema", json.text);
let text = "";
for await (const piece of await ai.models.generateContentStream({ model, contents })) text += piece.text;
say(text === plain.text, "the same in pieces", text);
const header = (kind) => ({ httpOptions: { headers: { "X-Emu-Fault": kind } } });
const thoughts = await ai.models.generateContent({ model, contents, config: header("thoughts") });
say(thoughts.text === plain.text, "thoughts are no text", thoughts.text);
const blocked = await ai.models.generateContent({ model, contents, config: header("blocked") });
say(blocked.promptFeedback.blockReason === "SAFETY" && blocked.text === undefined, "blocked");
const cut = await ai.models.generateContent({ model, contents, config: header("max_tokens") });
say(cut.candidates[0].finishReason === "MAX_TOKENS", "cut at MAX_TOKENS");
const error = async (key, name, more) => client(key).models
  .generateContent({ model: name, contents, config: more }).catch((e) => e);
const wrong = await error("wrong", model);
say(wrong.status === 400 && /API_KEY_INVALID/.test(wrong.message), "a wrong key", String(wrong));
const gone = await error("k", "gemini-2.0-flash");
say(gone.status === 404 && /NOT_FOUND/.test(gone.message), "a retired model", String(gone));
const limited = await error("k", model, header("retry-info:7"));
say(limited.status === 429 && /"retryDelay":"7s"/.test(limited.message), "RetryInfo", String(limited));
const one = await ai.models.get({ model });
say(one.name === "models/" + model && one.inputTokenLimit > 0, "a model", one);
