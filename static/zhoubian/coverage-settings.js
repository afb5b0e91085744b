/* The settings of the coverage page: read from the address, shown in the controls, written back to it. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const OFFERED = ["rule", "distance", "beside", "offices"];
  const KEYS = OFFERED.concat(["classes", "next"]); /* the last two have no control, but are kept */
  const WAIT_MS = 150;

  zhoubian.CoverageSettings = function (form, changed) {
    const given = new URLSearchParams(window.location.search);
    const state = {};
    KEYS.forEach(function (key) { state[key] = given.get(key) || form.dataset[key] || ""; });
    let timer = 0;

    function query() {
      const words = new URLSearchParams();
      KEYS.forEach(function (key) { if (state[key] && state[key] !== form.dataset[key]) { words.set(key, state[key]); } });
      return words.toString();
    }

    function show() {
      Array.from(form.querySelectorAll("[name=rule]")).forEach(function (one) { one.checked = one.value === state.rule; });
      ["distance", "beside"].forEach(function (name) {
        if (document.activeElement !== form.elements[name]) { form.elements[name].value = state[name]; }
      });
      form.elements.beside.disabled = state.rule === "walk";
      form.elements.offices.checked = state.offices === "1";
    }

    function write() {
      const words = query();
      window.history.replaceState(null, "", words ? "?" + words : window.location.pathname);
      const other = document.getElementById("zb-other-lang");
      other.href = "?" + (words ? words + "&" : "") + "lang=" + other.dataset.lang;
      const save = document.getElementById("zb-save");
      save.href = save.href.split("?")[0] + (words ? "?" + words : "");
    }

    function set(name, value) {
      if (state[name] === value) { return; }
      state[name] = value;
      show();
      write();
      window.clearTimeout(timer);
      timer = window.setTimeout(changed, WAIT_MS);
    }

    Array.from(form.querySelectorAll("[name=rule]")).forEach(function (one) { one.addEventListener("change", function () { set("rule", one.value); }); });
    ["distance", "beside"].forEach(function (name) {
      form.elements[name].addEventListener("change", function () { set(name, form.elements[name].value || form.dataset[name]); });
    });
    form.elements.offices.addEventListener("change", function () { set("offices", form.elements.offices.checked ? "1" : "0"); });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    show();
    write();
    return { query: query };
  };
})();
