// SPDX-License-Identifier: Apache-2.0

extension StartPage {
    /// All parts, in one scope.
    static let script = [asking, answering, measuring, mapping, starting].joined(separator: "\n")

    /// What the other parts share: elements, numbers as text, requests with the key.
    private static let asking = #"""
        "use strict";
        const $ = (id) => document.getElementById(id);

        function make(tag, className, ...children) {
          const element = document.createElement(tag);
          if (className) element.className = className;
          element.append(...children);
          return element;
        }

        const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;
        const count = (value) => Math.round(value).toLocaleString("en");

        function setText(id, text) {
          if ($(id).textContent !== text) $(id).textContent = text;
        }

        function percent(share) {
          if (share === 0) return "0 %";
          if (share > 0 && share < 0.0001) return "< 0.01 %";
          return `${(share * 100).toFixed(share >= 0.1 ? 1 : 2)} %`;
        }

        function seconds(value) {
          if (value === Infinity) return "more";
          if (value >= 1) return `${Number(value.toPrecision(3))} s`;
          return `${Number((value * 1000).toPrecision(3))} ms`;
        }

        function say(state, text) {
          $("state").className = state;
          setText("state", text);
        }

        /// An answer whose status is 2xx; throws an Error with `status` and `retryAfter` otherwise.
        async function ask(path, options = {}) {
          const key = $("key").value.trim();
          const headers = { ...options.headers };
          if (key) headers.Authorization = `Bearer ${key}`;
          const response = await fetch(path, { ...options, headers, cache: "no-store" });
          if (response.ok) return response;
          let message = `${response.status} ${response.statusText}`;
          try { message = (await response.json()).error.message; } catch { /* not the API's own */ }
          throw Object.assign(new Error(message), {
            status: response.status, retryAfter: Number(response.headers.get("Retry-After")) || 10,
          });
        }

        async function loadModel() {
          const [model] = (await (await ask("v1/models")).json()).data;
          const short = new Intl.NumberFormat(
            "en", { notation: "compact", maximumSignificantDigits: 3 });
          const { parameters, active_parameters: active, quantization } = model.meta;
          const size = `${short.format(parameters)} parameters`
            + (active < parameters ? `, ${short.format(active)} active` : "");
          setText("model", [model.id, size, quantization,
            `${count(model.max_model_len)} tokens of context`].join(" · "));
          document.title = `${model.id} · Apus`;
        }
        """#

    private static let starting = #"""
        const pollMilliseconds = 2000;
        let polling = null;
        let knowsModel = false;

        async function refresh() {
          if (!knowsModel) await loadModel();
          await loadMetrics();
          if (!knowsModel || running || chosen("view") === "start") await loadExperts();
          knowsModel = true;
          say("good", "live");
        }

        /// Asks while the page is seen, less often where a key's limit says so.
        async function poll() {
          let wait = pollMilliseconds;
          if (!document.hidden) {
            polling = refresh();
            try { await polling; } catch (error) {
              if (error.status === 401) {
                say("bad", $("key").value ? "wrong API key" : "an API key is wanted");
                return;
              }
              if (error.status === 429) wait = error.retryAfter * 1000;
              say("bad", error.status ? error.message : "no connection");
            }
          }
          setTimeout(poll, wait);
        }

        $("key").value = sessionStorage.getItem("key") ?? "";
        $("key").addEventListener("change", () => {
          sessionStorage.setItem("key", $("key").value.trim());
          location.reload();
        });
        poll();
        """#
}
