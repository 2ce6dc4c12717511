"use strict";
// Puts each panel that the server has drawn anew into its place, and says when none comes any more.
(() => {
  const SILENT_MS = 4000;
  const pass = (html) => html;
  const policy = window.trustedTypes
    ? window.trustedTypes.createPolicy("bot4", { createHTML: pass })
    : { createHTML: pass };
  const live = document.getElementById("live");
  const said = document.getElementById("said");
  let heard = Date.now();

  const show = (text, stale) => {
    if (live.textContent !== text) live.textContent = text;
    document.body.classList.toggle("stale", stale);
  };
  const look = () => {
    const silent = Date.now() - heard;
    if (silent < SILENT_MS) show("live", false);
    else show(`no connection for ${Math.floor(silent / 1000)} s: nothing here is of now`, true);
  };
  const source = new EventSource("events");
  source.addEventListener("panels", (event) => {
    heard = Date.now();
    for (const [id, html] of Object.entries(JSON.parse(event.data))) {
      const place = document.getElementById(id);
      if (place) place.innerHTML = policy.createHTML(html);
    }
    document.title = `${said.textContent} - Bot4`;
    look();
  });
  setInterval(look, 500);
})();
