// The npm package "openai" against the emulator.
import OpenAI from "openai";

const base = process.env.EMULATOR;
const say = (good, name, detail) => console.log(JSON.stringify({ ok: !!good, name, detail }));
const client = new OpenAI({ apiKey: "k", baseURL: base + "/openai/v1", maxRetries: 2 });
const messages = [{ role: "user", content: "rainy sunday, calm, as JSON" }];
const schema = {
  type: "object", additionalProperties: false, required: ["energy", "moods", "kind"],
  properties: {
    energy: { type: "number", minimum: 0.2, maximum: 0.4 },
    moods: { type: "array", items: { type: "string" } },
    kind: { type: "string", enum: ["a", "b"] },
  },
};
const format = { type: "json_schema", json_schema: { name: "plan", strict: true, schema } };
const model = "some-model";

const plain = await client.chat.completions.create({ model, messages });
say(typeof plain.choices[0].message.content === "string" && plain.usage.total_tokens > 0,
  "a completion", plain);
const parsed = await client.chat.completions.parse({ model, messages, response_format: format });
const value = parsed.choices[0].message.parsed;
say(value && value.energy >= 0.2 && value.energy <= 0.4 && Array.isArray(value.moods)
  && ["a", "b"].includes(value.kind), "a completion that keeps to a JSON schema", value);
let text = "";
for await (const piece of await client.chat.completions.create({ model, messages, stream: true }))
  text += piece.choices[0].delta.content ?? "";
say(text === plain.choices[0].message.content, "the same in pieces", text);
const names = [];
for await (const one of client.models.list()) names.push(one.id);
say(names.includes(model), "models", names);
const header = (kind) => ({ headers: { "X-Emu-Fault": kind } });
const refused = await client.chat.completions.create({ model, messages }, header("refusal"));
say(refused.choices[0].message.content === null && refused.choices[0].message.refusal, "a refusal");
const cut = await client.chat.completions.create({ model, messages }, header("length"));
say(cut.choices[0].finish_reason === "length", "cut at length");
const wrong = await new OpenAI({ apiKey: "wrong", baseURL: base + "/openai/v1" })
  .chat.completions.create({ model, messages }).catch((error) => error);
say(wrong instanceof OpenAI.AuthenticationError && wrong.code === "invalid_api_key", "a wrong key");
const once = new OpenAI({ apiKey: "k", baseURL: base + "/openai/v1", maxRetries: 0 });
const limited = await once.chat.completions.create({ model, messages }, header("limited"))
  .catch((error) => error);
say(limited instanceof OpenAI.RateLimitError && limited.code === "rate_limit_exceeded"
  && limited.headers.get("retry-after"), "a limit", String(limited));
const gone = await once.chat.completions.create({ model: "gone", messages }).catch((e) => e);
say(gone instanceof OpenAI.NotFoundError, "an unknown model", String(gone));
const loose = { ...format, json_schema: { ...format.json_schema, schema: { ...schema, required: [] } } };
const invalid = await once.chat.completions.create({ model, messages, response_format: loose })
  .catch((error) => error);
say(invalid instanceof OpenAI.BadRequestError, "a schema that is not strict", String(invalid));
