// SPDX-License-Identifier: Apache-2.0

extension StartPage {
    /// Rates and latencies from differences between what `/metrics` says at several times.
    static let measuring = #"""
        const keptSeconds = 120;
        const latencySeconds = 60;
        /// [{ time, values: Map, buckets: Map of [[bound, count]] }], oldest first.
        let samples = [];

        function parseMetrics(text) {
          const values = new Map();
          const buckets = new Map();
          for (const line of text.split("\n")) {
            const match = line.match(/^apus:(\w+?)(_bucket)?(?:\{(?:\w+="([^"]*)")?.*\})? (\S+)$/);
            if (!match) continue;
            const [, name, isBucket, label, value] = match;
            if (isBucket) {
              if (!buckets.has(name)) buckets.set(name, []);
              buckets.get(name).push([label === "+Inf" ? Infinity : Number(label), Number(value)]);
            } else {
              values.set(name, (values.get(name) ?? 0) + Number(value));
            }
          }
          return { time: performance.now() / 1000, values, buckets };
        }

        const growth = (name, from, to) => to.values.get(name) - from.values.get(name);

        /// A histogram's mean between two samples, and the bound of the bucket that has the 95th
        /// percentile; null if nothing came.
        function latency(name, from, to) {
          const total = growth(`${name}_count`, from, to);
          if (!(total > 0)) return null;
          const before = from.buckets.get(name);
          const [bound] = to.buckets.get(name).find(([, sum], index) =>
            sum - before[index][1] >= 0.95 * total);
          return { mean: growth(`${name}_sum`, from, to) / total, bound };
        }

        function rates(name) {
          return samples.slice(1).map((sample, index) => ({
            time: sample.time,
            value: growth(name, samples[index], sample) / (sample.time - samples[index].time),
          }));
        }

        function draw(id, points) {
          const now = samples.at(-1).time;
          const span = Math.max(30, now - samples[0].time);
          const top = Math.max(1, ...points.map(({ value }) => value));
          const place = ({ time, value }) => {
            const [x, y] = [120 - (now - time) * 120 / span, 28.5 - 27 * value / top];
            return `${x.toFixed(1)},${y.toFixed(1)}`;
          };
          const line = points.map(place).join("L");
          const [first, last] = [points[0], points.at(-1)];
          $(`${id}-line`).setAttribute("d", points.length > 1 ? `M${line}` : "");
          $(`${id}-area`).setAttribute("d", points.length > 1
            ? `M${place({ ...first, value: 0 })}L${line}L${place({ ...last, value: 0 })}Z` : "");
          $(id).textContent = last ? last.value.toFixed(last.value < 100 ? 1 : 0) : "–";
        }

        function showLatency(id, name) {
          const last = samples.at(-1);
          const from = samples.find(({ time }) => time >= last.time - latencySeconds);
          const found = latency(name, from, last);
          $(id).textContent = found ? seconds(found.mean) : "–";
          $(`${id}-tail`).textContent = found ? `95 % within ${seconds(found.bound)}` : "none";
        }

        async function loadMetrics() {
          const sample = parseMetrics(await (await ask("metrics")).text());
          const last = samples.at(-1);
          // Counts that fall are those of another process.
          if (last && growth("generation_tokens_total", last, sample) < 0) samples = [];
          samples = [...samples.filter(({ time }) => time > sample.time - keptSeconds), sample];
          draw("generated", rates("generation_tokens_total"));
          draw("prefilled", rates("prompt_tokens_total"));
          showLatency("ttft", "time_to_first_token_seconds");
          showLatency("itl", "inter_token_latency_seconds");
          const value = (name) => sample.values.get(name) ?? 0;
          $("running").textContent = count(value("num_requests_running"));
          $("waiting").textContent = count(value("num_requests_waiting"));
          $("kv").textContent = `${(value("kv_cache_usage_perc") * 100).toFixed(1)} %`;
          $("kv-bar").style.width = `${value("kv_cache_usage_perc") * 100}%`;
          const queries = value("prefix_cache_queries_total");
          $("hits").textContent = queries
            ? `${(value("prefix_cache_hits_total") / queries * 100).toFixed(0)} %` : "–";
        }
        """#
}
