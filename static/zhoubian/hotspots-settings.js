/* The state of the hotspot page: it stands in the address and in the form, and nowhere else. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const make = zhoubian.make;
  const LISTS = ["category", "district", "unit", "severity", "source", "state"];
  const DATES = ["since", "until", "before_since", "before_until"];
  const KEYS = ["view", "bandwidth"].concat(LISTS, DATES, ["hours", "within", "side", "month"]);
  const FILTER = LISTS.concat(["since", "until", "hours", "within"]);
  const DEFAULTS = { view: "density", bandwidth: "150" };
  const PAUSE_MS = 90; /* several clicks in a row ask once */

  zhoubian.HotspotSettings = function (form, changed) {
    const state = {};
    const given = new URLSearchParams(window.location.search);
    KEYS.forEach(function (key) { state[key] = given.get(key) || DEFAULTS[key] || ""; });
    const fields = form.elements;
    const within = document.getElementById("zb-within");
    within.dataset.words = within.textContent;
    let timer = 0;

    function query(keys) {
      const said = new URLSearchParams();
      keys.forEach(function (key) { if (state[key] && state[key] !== DEFAULTS[key]) { said.set(key, state[key]); } });
      return said.toString();
    }

    function write() {
      const said = query(KEYS);
      window.history.replaceState(null, "", said ? "?" + said : window.location.pathname);
      const other = document.getElementById("zb-other-lang");
      other.href = "?" + (said ? said + "&" : "") + "lang=" + other.dataset.lang;
    }

    function set(key, value) {
      if (state[key] === value) { return; }
      state[key] = value;
      settle();
    }

    function settle() {
      fill();
      write();
      window.clearTimeout(timer);
      timer = window.setTimeout(changed, PAUSE_MS);
    }

    function list(key) { return state[key] ? state[key].split(",") : []; }

    function fill() {
      Array.from(form.querySelectorAll("[name=view]")).forEach(function (one) { one.checked = one.value === state.view; });
      Array.from(form.querySelectorAll("[name=preset]")).forEach(function (one) { one.checked = one.value === state.bandwidth; });
      if (document.activeElement !== fields.bandwidth) { fields.bandwidth.value = state.bandwidth; }
      DATES.forEach(function (name) { if (fields[name].value !== state[name]) { fields[name].value = state[name]; } });
      const hours = state.hours.split("-");
      fields.from_hour.value = state.hours ? hours[0] : "";
      fields.to_hour.value = state.hours ? hours[1] : "";
      fields.side.checked = state.side === "1";
      within.textContent = state.within ? zhoubian.text("hotspots.within_drop") : within.dataset.words;
      document.getElementById("zb-before").hidden = state.view !== "change";
      document.getElementById("zb-bandwidths").hidden = !(state.view === "density" || (state.view === "change" && state.side === "1"));
      document.getElementById("zb-time").hidden = state.view !== "density";
      document.querySelectorAll("#zb-lists details").forEach(function (box) {
        const chosen = list(box.dataset.list);
        box.querySelectorAll("input").forEach(function (one) {
          const whole = one.dataset.group;
          one.checked = chosen.indexOf(one.value) >= 0 || (whole !== undefined && chosen.indexOf(whole) >= 0);
        });
        box.querySelector("summary b").textContent = chosen.length ? String(chosen.length) : "";
      });
    }

    /* A chosen group of categories stands for its members: one of them taken out leaves the others. */
    function ticked(key, box, one) {
      let chosen = list(key);
      if (one.checked) {
        chosen = chosen.filter(function (code) { const held = box.querySelector('input[value="' + CSS.escape(code) + '"]'); return !held || held.dataset.group !== one.value; });
        chosen.push(one.value);
      } else if (chosen.indexOf(one.value) >= 0) {
        chosen = chosen.filter(function (code) { return code !== one.value; });
      } else {
        chosen = chosen.filter(function (code) { return code !== one.dataset.group; });
        Array.from(box.querySelectorAll("input")).forEach(function (other) {
          if (other !== one && other.dataset.group === one.dataset.group) { chosen.push(other.value); }
        });
      }
      set(key, chosen.join(","));
    }

    function line(key, box, row, group) {
      const label = make("label", "zb-choice" + (group ? " zb-choice--in" : ""));
      const tick = make("input");
      tick.type = "checkbox";
      tick.value = row.code;
      if (group) { tick.dataset.group = group; }
      tick.addEventListener("change", function () { ticked(key, box, tick); });
      label.appendChild(tick);
      label.appendChild(make("span", "zb-choice-name", row.name));
      label.appendChild(make("span", "zb-row-side", row.issues.toLocaleString()));
      return label;
    }

    function offer(choices) {
      document.querySelectorAll("#zb-lists details").forEach(function (box) {
        const key = box.dataset.list;
        const rows = choices.lists[key];
        const into = box.querySelector(".zb-choices");
        box.hidden = !rows.length;
        if (key !== "category") {
          rows.forEach(function (row) { into.appendChild(line(key, box, row, "")); });
          return;
        }
        Object.keys(choices.groups).forEach(function (code) {
          const members = rows.filter(function (row) { return row.group === code; });
          const issues = members.reduce(function (sum, row) { return sum + row.issues; }, 0);
          into.appendChild(line(key, box, { code: code, name: choices.groups[code], issues: issues }, ""));
          members.forEach(function (row) { into.appendChild(line(key, box, row, code)); });
        });
        rows.filter(function (row) { return !row.group; }).forEach(function (row) { into.appendChild(line(key, box, row, "")); });
      });
      DATES.forEach(function (name) { fields[name].min = choices.period[0]; fields[name].max = choices.period[1]; });
      fill();
    }

    /* The filter in words, for the caption and the print. */
    function words(choices) {
      const said = [];
      LISTS.forEach(function (key) {
        const names = list(key).map(function (code) {
          if (key === "category" && choices.groups[code]) { return choices.groups[code]; }
          const row = choices.lists[key].find(function (one) { return one.code === code; });
          return row ? row.name : code;
        });
        if (names.length) { said.push(names.join(zhoubian.text("comma"))); }
      });
      if (state.hours) { said.push(state.hours.replace("-", ":00–") + ":59"); }
      if (state.within) { said.push(zhoubian.text("hotspots.within")); }
      return said.length ? said.join(" · ") : zhoubian.text("hotspots.filter_none");
    }

    function hoursOffered() {
      ["from_hour", "to_hour"].forEach(function (name) {
        const none = make("option", "", zhoubian.text("hotspots.any"));
        none.value = "";
        fields[name].appendChild(none);
        for (let hour = 0; hour < 24; hour++) {
          const one = make("option", "", String(hour));
          one.value = String(hour);
          fields[name].appendChild(one);
        }
        fields[name].addEventListener("change", function () {
          const from = fields.from_hour.value;
          const to = fields.to_hour.value;
          const half = name === "from_hour" ? from : to;
          set("hours", half === "" ? "" : (from || "0") + "-" + (to || "23"));
        });
      });
    }

    form.addEventListener("submit", function (event) { event.preventDefault(); });
    Array.from(form.querySelectorAll("[name=view]")).forEach(function (one) { one.addEventListener("change", function () { set("view", one.value); }); });
    Array.from(form.querySelectorAll("[name=preset]")).forEach(function (one) { one.addEventListener("change", function () { set("bandwidth", one.value); }); });
    fields.bandwidth.addEventListener("change", function () { set("bandwidth", fields.bandwidth.value || DEFAULTS.bandwidth); });
    DATES.forEach(function (name) { fields[name].addEventListener("change", function () { set(name, fields[name].value); }); });
    fields.side.addEventListener("change", function () { set("side", fields.side.checked ? "1" : ""); });
    document.getElementById("zb-clear").addEventListener("click", function () {
      FILTER.concat(["before_since", "before_until", "month"]).forEach(function (key) { state[key] = ""; });
      settle();
    });
    hoursOffered();
    fill();
    write();
    return {
      state: state,
      set: set,
      offer: offer,
      words: words,
      keep: function (key, value) { state[key] = value; write(); },
      all: function () { return query(KEYS); },
      asked: function (more) { return query(FILTER.concat(more || [])); },
    };
  };
})();
