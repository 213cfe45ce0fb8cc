// SPDX-License-Identifier: Apache-2.0

extension StartPage {
    /// The form, the stream of an answer, its tokens and what is said of each.
    static let answering = #"""
        const alternativeCount = 5;
        let running = null;
        let messages = [];
        /// By element: its text and [{ token, logprob, top }], several where one is no character.
        const tokens = new WeakMap();

        async function* events(response) {
          const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
          let text = "";
          for (;;) {
            const { done, value } = await reader.read();
            if (done) throw new Error("The answer was cut short.");
            const parts = (text + value).split("\n\n");
            text = parts.pop();
            for (const part of parts) {
              if (part === "data: [DONE]") return;
              if (part.startsWith("data: ")) yield JSON.parse(part.slice(6));
            }
          }
        }

        /// What a chunk says of its tokens, in one shape for completions and chat.
        function tokensOf(logprobs) {
          if (!logprobs) return [];
          if (logprobs.content) {
            return logprobs.content.map(({ token, bytes, logprob, top_logprobs }) =>
              ({ token, bytes, logprob, top: top_logprobs }));
          }
          return logprobs.tokens.map((token, index) => ({
            token, offset: logprobs.text_offset[index], logprob: logprobs.token_logprobs[index],
            top: Object.entries(logprobs.top_logprobs[index] ?? {}).map(([token, logprob]) =>
              ({ token, logprob })),
          }));
        }

        /// Shows tokens as they come; those that are parts of one character together.
        class Answer {
          constructor(element) {
            this.element = element;
            this.waiting = [];
            this.text = "";
            /// Code points of a completion, which its tokens' offsets count.
            this.letters = [];
            this.count = 0;
            this.sum = 0;
          }

          add(chunk) {
            const choice = chunk.choices[0];
            if (!choice) return;
            const content = choice.text ?? choice.delta?.content ?? "";
            const text = content || choice.delta?.reasoning_content || "";
            this.text += content;
            this.letters.push(...content);
            tokensOf(choice.logprobs).forEach((token, index, all) => {
              this.count += 1;
              this.sum += token.logprob;
              this.waiting.push(token);
              const isPart = this.waiting.length > 1 || token.token.includes("\ufffd");
              if (!isPart) return this.show(token.token, text === "");
              const end = all[index + 1]?.offset ?? this.letters.length;
              if (this.isWhole(end)) this.show(this.characters(end), text === "");
            });
            const reason = choice.finish_reason;
            if (this.waiting.length && reason) this.show(this.characters());
            if (reason === "length") this.element.append(make("span", "prompt", " …"));
          }

          /// Whether the waiting tokens make whole characters: by their bytes, or in a completion by where
          /// the next token begins.
          isWhole(end) {
            const bytes = this.waiting.flatMap((token) => token.bytes ?? []);
            if (!bytes.length) return end > this.waiting[0].offset;
            try {
              new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
              return true;
            } catch {
              return false;
            }
          }

          /// The characters that the waiting tokens make, in a completion those before `end`.
          characters(end) {
            const bytes = this.waiting.flatMap((token) => token.bytes ?? []);
            if (bytes.length) return new TextDecoder().decode(new Uint8Array(bytes));
            return this.letters.slice(this.waiting[0].offset, end).join("") || "\ufffd";
          }

          show(text, isUnwritten = false) {
            const log = $("log");
            const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
            const element = make("span", "token", text);
            const sum = this.waiting.reduce((sum, { logprob }) => sum + logprob, 0);
            element.style.setProperty("--surprised", ((1 - Math.exp(sum)) ** 2).toFixed(3));
            element.classList.toggle("line", text.trim() === "" && text.includes("\n"));
            element.classList.toggle("special", isUnwritten && /^<.*>$/.test(text));
            tokens.set(element, { text, parts: this.waiting });
            this.waiting = [];
            this.element.append(element);
            if (follows) log.scrollTop = log.scrollHeight;
          }
        }

        function bodyOf(mode, prompt) {
          const body = {
            stream: true, stream_options: { include_usage: true },
            temperature: Number($("temperature").value), top_p: Number($("top-p").value),
            max_tokens: Number($("max").value),
          };
          if ($("seed").value !== "") body.seed = Number($("seed").value);
          if (mode === "completion") return { ...body, prompt, logprobs: alternativeCount };
          const system = $("system").value.trim();
          return {
            ...body, logprobs: true, top_logprobs: alternativeCount,
            messages: [...(system ? [{ role: "system", content: system }] : []), ...messages],
          };
        }

        /// A turn in the log to write an answer to.
        function openTurn(mode, prompt) {
          hideCard();
          if (mode === "completion") {
            const turn = make("div", "turn", make("span", "prompt", prompt));
            $("log").replaceChildren(turn);
            return turn;
          }
          messages.push({ role: "user", content: prompt });
          const turn = make("div", "turn");
          $("log").append(make("div", "turn user", prompt), turn);
          $("log").scrollTop = $("log").scrollHeight;
          return turn;
        }

        function describe(answer, started, first, usage) {
          const parts = [];
          if (usage) {
            const cached = usage.prompt_tokens_details?.cached_tokens;
            const note = cached ? ` (${count(cached)} cached)` : "";
            parts.push(`${count(usage.prompt_tokens)} prompt tokens${note}`);
          }
          parts.push(`${count(answer.count)} generated`);
          if (first) parts.push(`first after ${seconds((first - started) / 1000)}`);
          if (answer.count > 1) {
            const each = (performance.now() - first) / 1000 / (answer.count - 1);
            parts.push(`then ${(1 / each).toFixed(1)} tokens/s`);
            parts.push(`perplexity ${Math.exp(-answer.sum / answer.count).toFixed(2)}`);
          }
          $("stats").textContent = parts.join(" · ");
        }

        function setRunning(controller) {
          running = controller;
          $("run").disabled = controller !== null;
          $("stop").disabled = controller === null;
        }

        async function run() {
          const mode = chosen("mode");
          const prompt = $("prompt").value;
          if (running || (mode === "chat" && !prompt.trim())) return;
          const controller = new AbortController();
          setRunning(controller);
          $("error").hidden = true;
          $("stats").textContent = "";
          const answer = new Answer(openTurn(mode, prompt));
          const body = bodyOf(mode, prompt);
          if (mode === "chat") $("prompt").value = "";
          try {
            // One request at a time: a key may be allowed no more.
            await polling?.catch(() => {});
            await beginMap().catch(() => {});
            await stream(mode, body, answer, controller.signal);
          } catch (error) {
            if (error.name !== "AbortError") {
              setText("error", error.message);
              $("error").hidden = false;
            }
          }
          if (mode === "chat") closeTurn(prompt, answer);
          setRunning(null);
          await loadExperts().catch(() => {});
          setText("said", `${answer.text} ${$("stats").textContent}`);
        }

        async function stream(mode, body, answer, signal) {
          const started = performance.now();
          let first = null;
          const response = await ask(mode === "chat" ? "v1/chat/completions" : "v1/completions", {
            method: "POST", body: JSON.stringify(body), signal,
            headers: { "Content-Type": "application/json" },
          });
          let usage = null;
          for await (const chunk of events(response)) {
            answer.add(chunk);
            if (answer.count && !first) first = performance.now();
            usage = chunk.usage ?? usage;
            describe(answer, started, first, usage);
          }
        }

        /// Keeps what was said in a chat, or takes the message back if nothing was.
        function closeTurn(prompt, answer) {
          if (!answer.element.isConnected) return;
          if (answer.count) {
            messages.push({ role: "assistant", content: answer.text });
            return;
          }
          messages.pop();
          $("log").lastChild.remove();
          $("log").lastChild.remove();
          $("prompt").value = prompt;
        }

        function clear() {
          running?.abort();
          messages = [];
          hideCard();
          $("log").replaceChildren();
          $("stats").textContent = "";
          $("error").hidden = true;
        }

        function setMode() {
          const isChat = chosen("mode") === "chat";
          clear();
          $("prompt-label").textContent = isChat ? "Message" : "Prompt";
          $("prompt").value = isChat ? "Why is the sky blue?" : "The capital of France is";
          for (const element of document.querySelectorAll(".chat-only")) element.hidden = !isChat;
        }

        /// A token's text with its blanks to be seen.
        const visible = (text) =>
          text.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥");

        function alternative({ token, logprob }, isChosen) {
          const share = Math.exp(logprob);
          const row = make("div", isChosen ? "other chosen" : "other",
            make("code", "", visible(token)), make("span", "", percent(share)));
          row.style.setProperty("--part", share);
          return row;
        }

        function showCard(element) {
          hideCard();
          const { text, parts } = tokens.get(element);
          element.classList.add("on");
          const card = $("card");
          card.replaceChildren();
          for (const part of parts) {
            card.append(make("div", "of", make("code", "", visible(part.token)),
              make("b", "", percent(Math.exp(part.logprob)))));
            const others = [...part.top].sort((a, b) => b.logprob - a.logprob);
            if (!others.some(({ token }) => token === part.token)) others.push(part);
            card.append(...others.map((other) => alternative(other, other.token === part.token)));
          }
          card.hidden = false;
          place(card, element.getClientRects()[0] ?? element.getBoundingClientRect());
          setText("said", `${text}: ${card.innerText.replaceAll("\n", " ")}`);
        }

        /// Below the token if there is room, else above it.
        function place(card, at) {
          const left = Math.min(at.left, innerWidth - card.offsetWidth - 8);
          const below = at.bottom + 6;
          const above = Math.max(8, at.top - card.offsetHeight - 6);
          card.style.left = `${Math.max(8, left)}px`;
          card.style.top = `${below + card.offsetHeight < innerHeight ? below : above}px`;
        }

        function hideCard() {
          $("card").hidden = true;
          document.querySelector(".token.on")?.classList.remove("on");
        }

        function moveToken(event) {
          const all = [...$("log").querySelectorAll(".token")];
          const at = all.indexOf($("log").querySelector(".token.on"));
          const next = {
            ArrowLeft: Math.max(0, at - 1), ArrowRight: Math.min(all.length - 1, at + 1),
            Home: 0, End: all.length - 1,
          }[event.key];
          if (event.key === "Escape") hideCard();
          if (next === undefined || !all.length) return;
          event.preventDefault();
          all[next].scrollIntoView({ block: "nearest" });
          showCard(all[next]);
        }

        for (const type of ["pointerover", "click"]) {
          $("log").addEventListener(type, ({ target }) => {
            if (tokens.has(target)) showCard(target);
          });
        }
        $("log").addEventListener("pointerleave", hideCard);
        $("log").addEventListener("blur", hideCard);
        $("log").addEventListener("keydown", moveToken);
        $("form").addEventListener("submit", (event) => {
          event.preventDefault();
          run();
        });
        $("prompt").addEventListener("keydown", (event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("form").requestSubmit();
        });
        $("stop").addEventListener("click", () => running?.abort());
        $("clear").addEventListener("click", clear);
        for (const input of document.querySelectorAll("input[name=mode]")) {
          input.addEventListener("change", setMode);
        }
        """#
}
