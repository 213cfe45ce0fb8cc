// SPDX-License-Identifier: Apache-2.0

extension StartPage {
    /// The heat map of tokens by layer and expert.
    static let mapping = #"""
        /// What /debug/experts said: now, and before the last answer.
        let routed = null;
        let routedBefore = null;
        /// What is shown: [{ layer, tokens: [E], total }], and the largest share.
        let rows = [];
        let largestShare = 0;
        let cell = null;
        const gutter = 30;

        async function loadExperts() {
          routed = await (await ask("debug/experts")).json();
          showMap();
        }

        /// From now on "last answer" is what comes.
        async function beginMap() {
          await loadExperts();
          if (!routed.layers.length) return;
          routedBefore = routed;
          const answer = document.querySelector("input[name=view][value=answer]");
          answer.disabled = false;
          answer.checked = true;
          showMap();
        }

        function shownRows() {
          const before = chosen("view") === "answer" ? routedBefore : null;
          return routed.layers.map(({ layer, tokens }, index) => {
            const shown = tokens.map((value, expert) =>
              Math.max(0, value - (before?.layers[index].tokens[expert] ?? 0)));
            const visits = shown.reduce((sum, value) => sum + value, 0);
            return { layer, tokens: shown, total: visits / routed.experts_per_token };
          });
        }

        const share = (row, expert) => row.total ? row.tokens[expert] / row.total : 0;

        function showMap() {
          const isDense = !routed.layers.length;
          $("map").hidden = isDense;
          $("view").hidden = isDense;
          if (isDense) {
            setText("experts-note", "This model is dense: each token goes through all of it, "
              + "and there are no experts to choose.");
            return;
          }
          rows = shownRows();
          const cells = rows.flatMap((row) => row.tokens.map((tokens, expert) =>
            ({ row, expert, tokens, share: share(row, expert) })));
          const woken = cells.filter(({ tokens }) => tokens).sort((a, b) => b.share - a.share);
          largestShare = woken[0]?.share ?? 0;
          const expertCount = rows[0].tokens.length;
          setText("experts-note", `${count(rows[0].total)} tokens went through ${rows.length} `
            + `layers, each to ${routed.experts_per_token} of ${expertCount} experts, and woke `
            + `${count(woken.length)} of ${count(cells.length)}. What the prefix cache has wakes `
            + "none; other clients' tokens count, too.");
          $("scale-end").textContent = `${(largestShare * 100).toFixed(0)} %`;
          drawMap();
          showBusiest(woken.slice(0, 6));
          showCell();
        }

        function showBusiest(cells) {
          $("busiest").replaceChildren(...cells.map(({ row, expert, tokens, share }) => {
            const texts = [row.layer, expert, count(tokens), percent(share)];
            return make("tr", "", ...texts.map((text) => make("td", "", String(text))));
          }));
        }

        /// Colors of the style sheet as [r, g, b].
        function colors(...names) {
          const style = getComputedStyle(document.documentElement);
          return names.map((name) => style.getPropertyValue(name).match(/[\da-f]{2}/gi)
            .map((pair) => parseInt(pair, 16)));
        }

        function mix(from, to, part) {
          const mixed = from.map((value, index) => Math.round(value + (to[index] - value) * part));
          return `rgb(${mixed.join()})`;
        }

        function sizes() {
          const expertCount = rows[0].tokens.length;
          const room = $("map").clientWidth - gutter - 16;
          // The table goes beside the map if that leaves its cells large enough to point at.
          const beside = Math.floor((room - 320) / expertCount);
          const fitting = beside >= 7 ? beside : Math.floor(room / expertCount);
          return {
            width: Math.min(26, Math.max(3, fitting)),
            height: rows.length > 40 ? 8 : rows.length > 20 ? 12 : 20,
            expertCount,
          };
        }

        function drawMap() {
          const { width, height, expertCount } = sizes();
          const totalWidth = gutter + width * expertCount + 10;
          const totalHeight = height * rows.length + 18;
          const canvas = $("heat");
          const scale = devicePixelRatio || 1;
          canvas.width = totalWidth * scale;
          canvas.height = totalHeight * scale;
          canvas.style.width = `${totalWidth}px`;
          canvas.style.height = `${totalHeight}px`;
          const context = canvas.getContext("2d");
          context.scale(scale, scale);
          const [asleep, low, mid, high, soft, ink] =
            colors("--asleep", "--heat-low", "--heat-mid", "--heat-high", "--soft", "--ink");
          const gap = width > 5 ? 1 : 0;
          for (const [index, row] of rows.entries()) {
            for (let expert = 0; expert < expertCount; expert += 1) {
              const part = largestShare ? share(row, expert) / largestShare : 0;
              context.fillStyle = part === 0 ? mix(asleep, asleep, 0)
                : part < 0.5 ? mix(low, mid, part * 2) : mix(mid, high, part * 2 - 1);
              context.fillRect(gutter + expert * width, index * height, width - gap, height - 1);
            }
          }
          drawNumbers(context, width, height, mix(soft, soft, 0));
          if (!cell) return;
          context.strokeStyle = mix(ink, ink, 0);
          context.lineWidth = 2;
          context.strokeRect(
            gutter + cell.expert * width, cell.row * height, width - gap, height - 1);
        }

        /// Every so many layers and experts that numbers do not touch.
        function drawNumbers(context, width, height, color) {
          context.fillStyle = color;
          context.font = "11px system-ui, sans-serif";
          const steps = [1, 2, 4, 8, 16, 32, 64, 128];
          const every = (size, room) => steps.find((step) => step * size >= room) ?? 256;
          context.textAlign = "right";
          context.textBaseline = "middle";
          const rowStep = every(height, 14);
          for (let index = 0; index < rows.length; index += rowStep) {
            context.fillText(rows[index].layer, gutter - 6, (index + 0.5) * height);
          }
          context.textAlign = "center";
          const step = every(width, 30);
          for (let expert = 0; expert < rows[0].tokens.length; expert += step) {
            context.fillText(expert, gutter + (expert + 0.5) * width, rows.length * height + 10);
          }
        }

        function showCell() {
          const row = rows[cell?.row];
          setText("cell", row
            ? `Layer ${row.layer}, expert ${cell.expert}: ${count(row.tokens[cell.expert])} of `
              + `${count(row.total)} tokens, ${percent(share(row, cell.expert))}`
            : "Point at an expert.");
        }

        function select(row, expert) {
          const { expertCount } = sizes();
          if (row < 0 || row >= rows.length || expert < 0 || expert >= expertCount) return;
          if (cell?.row === row && cell.expert === expert) return;
          cell = { row, expert };
          drawMap();
          showCell();
        }

        $("heat").addEventListener("pointermove", (event) => {
          const { width, height } = sizes();
          select(Math.floor(event.offsetY / height), Math.floor((event.offsetX - gutter) / width));
        });
        $("heat").addEventListener("keydown", (event) => {
          const move = {
            ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
          }[event.key];
          if (!move || !rows.length) return;
          event.preventDefault();
          if (cell) select(cell.row + move[0], cell.expert + move[1]);
          else select(0, 0);
        });
        for (const input of document.querySelectorAll("input[name=view]")) {
          input.addEventListener("change", showMap);
        }
        new ResizeObserver(() => { if (rows.length) drawMap(); }).observe($("experts"));
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
          if (rows.length) drawMap();
        });
        """#
}
