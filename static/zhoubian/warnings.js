/* Layers that lie beside each other are told at the top of every page; the page itself stays the same
   and can be kept by the browser. */
(function () {
  "use strict";
  const box = document.getElementById("zb-warnings");
  if (!box || !window.fetch) { return; }
  const lang = document.documentElement.lang === "en" ? "en" : "zh";
  fetch(box.dataset.warnings, { credentials: "same-origin" }).then(function (answer) {
    return answer.ok ? answer.json() : [];
  }).then(function (warnings) {
    warnings.forEach(function (warning) {
      const line = document.createElement("p");
      line.className = "zb-offset";
      line.setAttribute("role", "alert");
      line.textContent = warning[lang];
      box.appendChild(line);
    });
    box.hidden = !warnings.length;
    document.body.dataset.warned = String(warnings.length);
    if (warnings.length) { window.dispatchEvent(new Event("resize")); }
  });
})();
