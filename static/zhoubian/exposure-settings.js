/* The settings of the page: read from the address, shown in the controls, written back to the address. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const START = { anchors: "1", radius: "1000", shape: "disc", rule: "intersects", metric: "straight", by: "exposure", units: "back_alleys" };
  const OF_PAGE = ["by", "units", "lang"];
  const CHOSEN = ["anchors", "shape", "rule", "metric"];
  const NOT_WALKED = ["majority", "part"]; /* a share of an alley is not reached by one way */
  const WAIT_MS = 80;

  /* changed(designChanged) is called when a choice was made. */
  zhoubian.Settings = function (form, changed) {
    const given = new URLSearchParams(window.location.search);
    const state = Object.assign({}, START);
    given.forEach(function (value, key) { if (key !== "lang") { state[key] = value; } });
    if (!(state.by in zhoubian.SCALES)) { state.by = START.by; }
    if (zhoubian.UNIT_LAYERS.indexOf(state.units) < 0) { state.units = START.units; }
    const slider = form.elements.radius;
    const unknown = form.elements.unknown;
    const said = document.getElementById("zb-radius-said");
    let timer = 0;

    function query(pageToo) {
      const words = new URLSearchParams();
      Object.keys(state).sort().forEach(function (key) {
        if (pageToo || OF_PAGE.indexOf(key) < 0) { words.set(key, state[key]); }
      });
      return words.toString();
    }

    /* A setting of the address that the select does not offer is offered too. */
    function choose(select, value) {
      const known = Array.prototype.some.call(select.options, function (option) { return option.value === value; });
      if (!known) { select.appendChild(new Option(value, value)); }
      select.value = value;
    }

    function show() {
      const fixed = /^\d+(\.\d+)?$/.test(state.radius);
      slider.min = state.shape === "ring" ? Number(state.inner || 500) + 50 : slider.defaultValue && slider.dataset.min;
      if (fixed) { slider.value = state.radius; }
      unknown.checked = state.radius === unknown.value;
      slider.disabled = unknown.checked;
      said.textContent = fixed ? zhoubian.metres(Number(state.radius)) : zhoubian.text("exposure.between", { radii: state.radius.replace(":", "–").split(",").join(" / ") });
      CHOSEN.forEach(function (name) { choose(form.elements[name], state[name]); });
      Array.prototype.forEach.call(form.elements.rule.options, function (option) {
        option.disabled = state.metric === "walk" && NOT_WALKED.indexOf(option.value) >= 0;
      });
      ["by", "units"].forEach(function (name) { form.elements[name].value = state[name]; });
    }

    function write() {
      window.history.replaceState(null, "", "?" + query(true));
      const other = document.getElementById("zb-other-lang");
      other.href = "?" + query(true) + "&lang=" + other.dataset.lang;
    }

    function set(name, value, wait) {
      if (state[name] === value) { return; }
      state[name] = value;
      if (state.metric === "walk" && NOT_WALKED.indexOf(state.rule) >= 0) { state.rule = START.rule; }
      if (state.shape === "ring") {
        const least = Number(state.inner || 500) + 50;
        if (Number(state.radius) < least) { state.radius = String(least); }
      } else {
        delete state.inner; /* it belongs to a ring */
      }
      show();
      write();
      window.clearTimeout(timer);
      timer = window.setTimeout(function () { changed(OF_PAGE.indexOf(name) < 0); }, wait);
    }

    slider.addEventListener("input", function () { set("radius", slider.value, WAIT_MS); });
    unknown.addEventListener("change", function () { set("radius", unknown.checked ? unknown.value : slider.value, 0); });
    CHOSEN.forEach(function (name) {
      form.elements[name].addEventListener("change", function () { set(name, form.elements[name].value, 0); });
    });
    ["by", "units"].forEach(function (name) {
      Array.prototype.forEach.call(form.elements[name], function (radio) {
        radio.addEventListener("change", function () { set(name, radio.value, 0); });
      });
    });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    show();
    write();
    return { state: state, design: function () { return query(false); } };
  };
})();
