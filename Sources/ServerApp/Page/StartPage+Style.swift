// SPDX-License-Identifier: Apache-2.0

extension StartPage {
    static let style = #"""
        :root {
          color-scheme: light dark;
          --ground: #f4f5f7; --card: #fff; --ink: #171a20; --soft: #5a6170; --line: #dfe2e8;
          --field: #fff; --accent: #0a6c74; --on-accent: #fff; --bad: #b3261e;
          --surprise: 232 118 26; --asleep: #eceff2;
          --heat-low: #c9e7e5; --heat-mid: #2f9d9b; --heat-high: #06343d;
          --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #101216; --card: #191c22; --ink: #e9ebef; --soft: #9aa2b1; --line: #2b3039;
            --field: #12151a; --accent: #4cc3c0; --on-accent: #06262a; --bad: #ff8f85;
            --surprise: 240 132 40; --asleep: #22262e;
            --heat-low: #154b50; --heat-mid: #219e98; --heat-high: #dcfff6;
          }
        }
        *, *::before, *::after { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body {
          margin: 0 auto; max-width: 84rem; padding: 1rem clamp(.75rem, 2.5vw, 2rem) 3rem;
          background: var(--ground); color: var(--ink);
          font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
        }
        h1, h2, p, dl, dd, fieldset { margin: 0; padding: 0; border: 0; }
        h1 { font-size: 1.5rem; letter-spacing: -.02em; }
        h2 { font-size: 1.05rem; }
        .note, #model, #stats, #experts-note, .legend, .scale {
          color: var(--soft); font-size: .85rem;
        }
        .unseen {
          position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
          white-space: nowrap;
        }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        header { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem 1rem; }
        #model { flex: 1 1 12rem; overflow-wrap: anywhere; }
        #state { font-size: .85rem; white-space: nowrap; }
        #state::before {
          content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .45em;
          border-radius: 50%; background: var(--soft);
        }
        #state.good::before { background: #25a46a; }
        #state.bad::before { background: var(--bad); }
        main { display: grid; gap: 1rem; margin-top: 1rem; }
        @media (max-width: 40rem) {
          #model { order: 1; flex-basis: 100%; }
          #state { margin-left: auto; }
          #key-label { order: 2; flex: 1; }
        }
        @media (min-width: 62rem) {
          main { grid-template-columns: minmax(0, 1.55fr) minmax(0, 1fr); }
          #experts { grid-column: 1 / -1; }
        }
        section {
          background: var(--card); border: 1px solid var(--line); border-radius: 12px;
          padding: 1rem; min-width: 0;
        }
        .head {
          display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .9rem;
          margin-bottom: .75rem; min-height: 2rem;
        }
        .switch {
          display: inline-flex; margin-left: auto; border: 1px solid var(--line);
          border-radius: 8px; overflow: hidden;
        }
        .switch label { position: relative; cursor: pointer; }
        .switch input { position: absolute; inset: 0; margin: 0; opacity: 0; cursor: inherit; }
        .switch span {
          display: block; padding: .2rem .8rem; font-size: .85rem; color: var(--soft);
        }
        .switch :checked + span { background: var(--accent); color: var(--on-accent); }
        .switch :disabled + span { opacity: .45; }
        .switch :focus-visible + span { outline: 2px solid var(--ink); outline-offset: -3px; }
        label { font-size: .85rem; color: var(--soft); }
        input, textarea {
          font: inherit; color: var(--ink); background: var(--field);
          border: 1px solid var(--line); border-radius: 8px; padding: .4rem .6rem; width: 100%;
        }
        #key-label { display: flex; align-items: center; gap: .5rem; white-space: nowrap; }
        #key { width: auto; flex: 1 1 12.5rem; min-width: 0; }
        textarea { resize: vertical; line-height: 1.45; display: block; }
        form > label { display: block; margin: .6rem 0 .2rem; }
        .options {
          display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: .6rem;
          margin-top: .7rem;
        }
        .options input { margin-top: .15rem; }
        .buttons {
          display: flex; flex-wrap: wrap; align-items: center; gap: .6rem; margin-top: .8rem;
        }
        button {
          font: inherit; font-weight: 600; padding: .4rem 1.1rem; border-radius: 8px;
          cursor: pointer;
          border: 1px solid var(--line); background: transparent; color: var(--ink);
        }
        #run { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
        button:disabled { opacity: .45; cursor: default; }
        .legend { margin-left: auto; white-space: nowrap; }
        .ramp {
          display: inline-block; width: 5rem; height: .6em; border-radius: 3px; margin: 0 .3em;
          background: linear-gradient(90deg, rgb(var(--surprise) / .06), rgb(var(--surprise) / .6));
        }
        .scale { display: flex; align-items: center; flex-wrap: wrap; gap: .2rem .35rem; }
        .scale .ramp {
          width: 7rem; margin: 0;
          background: linear-gradient(90deg, var(--heat-low), var(--heat-mid), var(--heat-high));
        }
        #try { display: flex; flex-direction: column; }
        #log {
          flex: 1 0 auto;
          min-height: 8rem; max-height: 26rem; overflow: auto; border-radius: 8px;
          border: 1px solid var(--line); background: var(--field); padding: .7rem .8rem;
        }
        #log:empty::before {
          content: "The answer comes here. Point at a token to see what else it could have been.";
          color: var(--soft);
        }
        #stats { min-height: 1.5em; margin-top: .4rem; font-variant-numeric: tabular-nums; }
        #error { color: var(--bad); overflow-wrap: anywhere; }
        .turn { white-space: pre-wrap; overflow-wrap: anywhere; }
        .turn + .turn { margin-top: .7rem; }
        .prompt { color: var(--soft); }
        .user { margin-left: auto; width: fit-content; max-width: 85%; padding: .3rem .8rem;
          border-radius: 12px 12px 2px 12px; background: var(--ground); }
        .token {
          border-radius: 3px; padding: .08em 0; cursor: help;
          background: rgb(var(--surprise) / calc(var(--surprised) * .6));
        }
        .token.on { outline: 2px solid var(--accent); }
        .token.special { font: .75em var(--mono); color: var(--soft); padding: .1em .3em;
          border: 1px solid var(--line); }
        .token.line::before { content: "↵"; color: var(--soft); opacity: .6; }
        #card {
          position: fixed; z-index: 1; width: 17rem; max-width: calc(100vw - 1rem);
          padding: .7rem .8rem; pointer-events: none;
          background: var(--card); border: 1px solid var(--line); border-radius: 10px;
          box-shadow: 0 8px 28px rgb(0 0 0 / .22);
        }
        #card .of { display: flex; justify-content: space-between; align-items: baseline; }
        #card .of b { font-size: 1.25rem; font-variant-numeric: tabular-nums; }
        code {
          font-family: var(--mono); font-size: .85em; overflow-wrap: anywhere;
          white-space: pre-wrap;
        }
        .other {
          position: relative; display: flex; justify-content: space-between; gap: 1rem;
          padding: .1rem .4rem; margin-top: .2rem; font-variant-numeric: tabular-nums;
          font-size: .85rem;
        }
        .other::before {
          content: ""; position: absolute; inset: 0 auto 0 0; width: calc(var(--part) * 100%);
          min-width: 2px; border-radius: 4px; background: var(--accent); opacity: .18;
        }
        .other.chosen { font-weight: 700; }
        .other.chosen::before { opacity: .4; }
        dl { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem; }
        dl > div {
          border: 1px solid var(--line); border-radius: 8px; padding: .5rem .7rem; min-width: 0;
        }
        .wide { grid-column: 1 / -1; display: grid; grid-template-columns: 9.5rem minmax(0, 1fr); }
        .wide .chart { grid-area: 1 / 2 / 3 / 3; }
        dt { font-size: .85rem; color: var(--soft); }
        dd { font-size: .85rem; color: var(--soft); }
        dd b { font-size: 1.3rem; color: var(--ink); font-variant-numeric: tabular-nums; }
        .chart svg { display: block; width: 100%; height: 3.2rem; }
        .chart path { fill: none; stroke: var(--accent); stroke-width: 1.5;
          vector-effect: non-scaling-stroke; stroke-linejoin: round; }
        .chart path:first-child { fill: var(--accent); stroke: none; opacity: .15; }
        .bar {
          height: .35rem; border-radius: 3px; background: var(--asleep); overflow: hidden;
          margin-top: .3rem;
        }
        .bar i { display: block; height: 100%; width: 0; background: var(--accent); }
        #map { display: flex; flex-wrap: wrap; gap: 1rem 2rem; margin-top: .8rem; }
        #map-scroll {
          flex: 0 1 auto; min-width: 0; max-width: 100%; overflow-x: auto; padding: 3px;
        }
        #heat { display: block; }
        #map-side { flex: 1 1 17rem; display: grid; gap: .7rem; align-content: start; }
        #cell { min-height: 1.5em; font-variant-numeric: tabular-nums; }
        table {
          border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem;
          max-width: 24rem;
        }
        caption { text-align: left; font-weight: 600; padding-bottom: .2rem; }
        th, td { text-align: right; padding: .15rem .6rem; border-top: 1px solid var(--line); }
        th { color: var(--soft); font-weight: 400; }
        """#
}
