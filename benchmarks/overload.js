// Posts one body at a constant rate, whatever becomes of earlier ones, and sorts the answers.
// Environment: URL, BODY (file), TYPE, ACCEPT, MARKER, RATE (a second), SECONDS, DEADLINE (seconds).
import http from "k6/http";
import { Counter, Trend } from "k6/metrics";

const body = open(__ENV.BODY, "b");
const good = new Counter("good");
const refused = new Counter("refused");
const mute = new Counter("mute");
const other = new Counter("other");
const late = new Counter("late");
const accepted_ms = new Trend("accepted_ms");
const refused_ms = new Trend("refused_ms");
const params = {
  headers: { "Content-Type": __ENV.TYPE, Accept: __ENV.ACCEPT, "X-Request-Timeout": __ENV.DEADLINE },
  timeout: "60s",
  responseType: "text",
};

export const options = {
  scenarios: {
    flood: {
      executor: "constant-arrival-rate",
      rate: Number(__ENV.RATE),
      timeUnit: "1s",
      duration: `${__ENV.SECONDS}s`,
      preAllocatedVUs: 250, // each has a connection; with 150, some requests could not be sent
      maxVUs: 2000,
    },
  },
  summaryTrendStats: ["med", "p(99)", "max"],
  systemTags: ["status"], // the fewer, the less of the cores the generator takes
};

export default function () {
  const answer = http.post(__ENV.URL, body, params);
  const took = answer.timings.duration;
  if (answer.status === 200 && answer.body.includes(__ENV.MARKER)) {
    good.add(1);
    accepted_ms.add(took);
    late.add(took > 1000 * Number(__ENV.DEADLINE) ? 1 : 0);
  } else if (answer.status === 429) {
    refused.add(1);
    refused_ms.add(took);
    mute.add(Number(answer.headers["Retry-After"]) >= 1 ? 0 : 1);
  } else {
    other.add(1, { status: String(answer.status) });
  }
}

export function handleSummary(data) {
  const value = (name, what) => (data.metrics[name] ? data.metrics[name].values[what] : 0);
  const trend = (name) => ({ p50: value(name, "med"), p99: value(name, "p(99)"), max: value(name, "max") });
  return {
    stdout: JSON.stringify({
      seconds: data.state.testRunDurationMs / 1000,
      offered: value("iterations", "count") + value("dropped_iterations", "count"),
      dropped: value("dropped_iterations", "count"),
      good: value("good", "count"),
      refused: value("refused", "count"),
      mute: value("mute", "count"),
      late: value("late", "count"),
      other: value("other", "count"),
      accepted_ms: trend("accepted_ms"),
      refused_ms: trend("refused_ms"),
    }) + "\n",
  };
}
