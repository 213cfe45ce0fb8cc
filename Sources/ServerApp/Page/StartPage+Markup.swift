// SPDX-License-Identifier: Apache-2.0

extension StartPage {
    static let meta = #"""
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <link rel="icon" href="data:,">
        <title>Apus</title>
        """#

    static let markup = #"""
        <header>
          <h1>Apus</h1>
          <p id="model">…</p>
          <p id="state" role="status">connecting</p>
          <label id="key-label">API key
            <input id="key" type="password" autocomplete="off" spellcheck="false"
              placeholder="if the server wants one">
          </label>
        </header>
        <main>
          <section id="try" aria-labelledby="try-title">
            <div class="head">
              <h2 id="try-title">Try it</h2>
              <fieldset class="switch">
                <legend class="unseen">What to ask for</legend>
                <label><input type="radio" name="mode" value="completion" checked>
                  <span>Completion</span></label>
                <label><input type="radio" name="mode" value="chat"><span>Chat</span></label>
              </fieldset>
            </div>
            <div id="log" tabindex="0" role="group"
              aria-label="Answer. Left and right arrow keys go from token to token."></div>
            <p id="said" class="unseen" role="status"></p>
            <p id="stats"></p>
            <p id="error" role="alert" hidden></p>
            <form id="form">
              <label for="prompt" id="prompt-label">Prompt</label>
              <textarea id="prompt" rows="3">The capital of France is</textarea>
              <label for="system" class="chat-only" hidden>System message</label>
              <input id="system" class="chat-only" autocomplete="off" hidden
                placeholder="the template's own">
              <div class="options">
                <label>Max tokens <input id="max" type="number" min="1" max="100000"
                  value="64" required></label>
                <label>Temperature <input id="temperature" type="number" min="0" max="100"
                  step="any" value="0.7" required></label>
                <label>Top p <input id="top-p" type="number" min="0" max="1" step="any"
                  value="1" required></label>
                <label>Seed <input id="seed" type="number" step="1" placeholder="random"></label>
              </div>
              <div class="buttons">
                <button id="run">Run</button>
                <button id="stop" type="button" disabled>Stop</button>
                <button id="clear" type="button">Clear</button>
                <span class="legend" aria-hidden="true">sure <i class="ramp"></i> surprised</span>
              </div>
            </form>
          </section>
          <section id="live" aria-labelledby="live-title">
            <div class="head">
              <h2 id="live-title">Live</h2><p class="note">everybody's requests, last minute</p>
            </div>
            <dl>
              <div class="wide"><dt>Generated</dt>
                <dd><b id="generated">–</b> tokens/s</dd>
                <dd class="chart"><svg viewBox="0 0 120 30" preserveAspectRatio="none"
                  aria-hidden="true"><path id="generated-area"/><path id="generated-line"/></svg>
                </dd></div>
              <div class="wide"><dt>Prompts</dt>
                <dd><b id="prefilled">–</b> tokens/s</dd>
                <dd class="chart"><svg viewBox="0 0 120 30" preserveAspectRatio="none"
                  aria-hidden="true"><path id="prefilled-area"/><path id="prefilled-line"/></svg>
                </dd></div>
              <div><dt>First token (TTFT)</dt><dd><b id="ttft">–</b></dd>
                <dd class="note" id="ttft-tail"></dd></div>
              <div><dt>Between tokens (ITL)</dt><dd><b id="itl">–</b></dd>
                <dd class="note" id="itl-tail"></dd></div>
              <div><dt>Running</dt><dd><b id="running">–</b></dd></div>
              <div><dt>Waiting</dt><dd><b id="waiting">–</b></dd></div>
              <div><dt>KV cache</dt><dd><b id="kv">–</b></dd>
                <dd class="bar"><i id="kv-bar"></i></dd></div>
              <div><dt>Prefix cache</dt><dd><b id="hits">–</b></dd>
                <dd class="note">of prompt tokens found</dd></div>
            </dl>
          </section>
          <section id="experts" aria-labelledby="experts-title">
            <div class="head">
              <h2 id="experts-title">Experts</h2>
              <fieldset class="switch" id="view" hidden>
                <legend class="unseen">What to count</legend>
                <label><input type="radio" name="view" value="answer" disabled>
                  <span>Last answer</span></label>
                <label><input type="radio" name="view" value="start" checked>
                  <span>Since start</span></label>
              </fieldset>
            </div>
            <p id="experts-note">…</p>
            <div id="map" hidden>
              <div id="map-scroll"><canvas id="heat" tabindex="0" role="img"
                aria-label="Experts of each layer. Arrow keys go from expert to expert."
                aria-describedby="experts-note"></canvas></div>
              <div id="map-side">
                <p id="cell" role="status">Point at an expert.</p>
                <p class="scale"><span>0 %</span><i class="ramp"></i><span id="scale-end"></span>
                  <span>of the layer's tokens</span></p>
                <table><caption>Most visited</caption>
                  <thead><tr><th scope="col">Layer</th><th scope="col">Expert</th>
                    <th scope="col">Tokens</th><th scope="col">Share</th></tr></thead>
                  <tbody id="busiest"></tbody></table>
              </div>
            </div>
          </section>
        </main>
        <div id="card" role="tooltip" hidden></div>
        <noscript><p>This page needs JavaScript.</p></noscript>
        """#
}
