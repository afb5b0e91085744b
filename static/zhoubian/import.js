/* The page of imports: a file is looked at, what it holds is shown, the reader corrects what was taken
   for what, tries it, and takes it in. The service decides; this page only asks again. */
(function () {
  "use strict";
  const zhoubian = window.zhoubian;
  const el = zhoubian.el;
  const POLL_MS = 300;
  const LEFT_OUT = "-"; /* in place of a heading: no column holds the field */
  const source = el("zb-source").dataset;
  const state = { token: null, file: "", columns: {}, datum: "", typed: false, found: null };
  let preview = null;
  let asking = 0;

  function busy(on) {
    ["zb-look", "zb-try", "zb-take"].forEach(function (id) { el(id).disabled = on; });
    document.body.dataset.busy = on ? "yes" : "no";
  }

  function options() {
    const kind = el("zb-kind").value || (state.found && state.found.kind) || "";
    const told = { kind: kind, columns: state.columns, update: el("zb-update").checked, keep_duplicates: el("zb-keep").checked };
    ["part", "encoding", "licence", "attribution"].forEach(function (name) { if (el("zb-" + name).value) { told[name] = el("zb-" + name).value; } });
    if (!el("zb-class-of").hidden && el("zb-class").value) { told.class = el("zb-class").value; }
    if (el("zb-year").value) { told.year = Number(el("zb-year").value); }
    if (state.datum) { told.datum = state.datum; }
    return told;
  }

  /* The look knows the usual systems; only one that was typed has to be told to it. */
  function lookOptions() {
    const told = options();
    if (!state.typed) { delete told.datum; }
    delete told.year;
    return told;
  }

  function look(files) {
    const form = new FormData();
    if (files) {
      Array.prototype.forEach.call(files, function (file) { form.append("files", file, file.name); });
    } else {
      form.append("token", state.token);
    }
    form.append("options", JSON.stringify(lookOptions()));
    const mine = ++asking;
    busy(true);
    el("zb-look").textContent = zhoubian.say(files ? "looking" : "look");
    return zhoubian.ask(source.look, { method: "POST", body: form }).then(function (answer) {
      if (mine !== asking) { return; }
      busy(false);
      el("zb-look").textContent = zhoubian.say("look");
      const told = answer.told;
      if (told.token) { state.token = told.token; state.file = told.file; }
      zhoubian.showFault(el("zb-look-fault"), told.error);
      if (told.error) {
        if (told.error.code === "upload_gone") { state.token = null; el("zb-found").hidden = true; }
        if (told.headings) { showUnknown(told); } else if (files) { el("zb-found").hidden = true; }
        if (told.error.code === "kind_needed") { el("zb-kind").focus(); }
        return;
      }
      show(told, Boolean(files));
    });
  }

  // -- what was found --------------------------------------------------------------------------

  function choose(select, value) {
    const known = Array.prototype.some.call(select.options, function (option) { return option.value === value; });
    if (!known) { select.appendChild(new Option(value, value)); }
    select.value = value;
  }

  function show(found, fresh) {
    state.found = found;
    el("zb-found").hidden = el("zb-go-step").hidden = false;
    el("zb-kind").value = found.kind;
    ["zb-result", "zb-progress", "zb-fault"].forEach(function (id) { el(id).hidden = true; });
    showParts(found);
    el("zb-encoding-of").hidden = !found.encoding;
    if (found.encoding && !el("zb-encoding").value) { el("zb-encoding").options[0].textContent = zhoubian.say("encoding_found", { encoding: found.encoding }); }
    el("zb-counted").textContent = found.counted === null ? "" : zhoubian.say("counted", { count: zhoubian.number(found.counted) });
    const notes = el("zb-notes");
    notes.textContent = "";
    (found.part_needed ? [zhoubian.say("part_needed", { count: found.parts.length })] : found.notes).forEach(function (note) { zhoubian.put(notes, "li", "", note); });
    if (found.kind === "osm") { zhoubian.put(notes, "li", "", zhoubian.say("osm_whole")); }
    grid(found);
    showClasses(found);
    el("zb-year-of").hidden = !found.fields.some(function (field) { return field.name === "found_at"; });
    datums(found, fresh);
    const ready = !found.part_needed;
    el("zb-try").disabled = el("zb-take").disabled = !ready;
    document.body.dataset.looked = String(asking);
  }

  /* Where no column tells the class, it may be said for all rows. */
  function showClasses(found) {
    const select = el("zb-class");
    el("zb-class-of").hidden = !found.class_field || found.class_field in (found.columns || {});
    Array.prototype.forEach.call(select.options, function (option) {
      option.hidden = option.disabled = Boolean(option.value) && option.dataset.kind !== found.kind;
      if (option.selected && option.disabled) { select.value = ""; }
    });
  }

  /* No row was recognised as headings: the reader may say which column is what, and it is looked at again. */
  function showUnknown(told) {
    const columns = {};
    Object.keys(state.columns).forEach(function (name) { if (state.columns[name] !== LEFT_OUT) { columns[name] = state.columns[name]; } });
    state.found = { kind: told.kind, headings: told.headings, fields: told.fields, columns: columns, first: [], rows: [], parts: [], places: [], notes: [] };
    el("zb-found").hidden = false;
    el("zb-kind").value = told.kind;
    ["zb-result", "zb-fault", "zb-datum-step", "zb-go-step", "zb-part-of", "zb-encoding-of"].forEach(function (id) { el(id).hidden = true; });
    el("zb-counted").textContent = el("zb-notes").textContent = "";
    zhoubian.put(el("zb-notes"), "li", "", zhoubian.say("headings_help"));
    grid(state.found);
    document.body.dataset.looked = String(asking);
  }

  function showParts(found) {
    const select = el("zb-part");
    el("zb-part-of").hidden = found.parts.length < 2;
    select.textContent = "";
    if (found.parts.length < 2) { return; }
    if (found.part === null) { select.appendChild(new Option(zhoubian.say("part_choose"), "")); }
    found.parts.forEach(function (part) { select.appendChild(new Option(part, part)); });
    select.value = found.part === null ? "" : found.part;
  }

  /* The first rows as they stand, above each column what it is taken for. */
  function grid(found) {
    const box = el("zb-grid");
    box.textContent = "";
    box.hidden = !found.headings.length;
    if (!found.headings.length) { return; }
    const field = {};
    Object.keys(found.columns).forEach(function (name) { if (!(found.columns[name] in field)) { field[found.columns[name]] = name; } });
    const table = zhoubian.put(box, "table");
    const head = zhoubian.put(table, "thead");
    const choices = zhoubian.put(head, "tr", "zb-choices");
    const names = zhoubian.put(head, "tr");
    zhoubian.put(choices, "th", "zb-corner", zhoubian.say("taken_for"));
    zhoubian.put(names, "th", "zb-corner", zhoubian.say("heading"));
    const seen = {};
    found.headings.forEach(function (heading) {
      const cell = zhoubian.put(choices, "th");
      zhoubian.put(names, "th", "", heading);
      if (!heading || heading in seen) { return; }
      seen[heading] = true;
      const select = zhoubian.put(cell, "select");
      select.dataset.heading = heading;
      select.setAttribute("aria-label", zhoubian.say("field_of", { heading: heading }));
      select.appendChild(new Option(zhoubian.say("field_none"), ""));
      found.fields.forEach(function (one) { select.appendChild(new Option(one.label + (one.required ? " *" : ""), one.name)); });
      select.value = field[heading] || "";
      select.className = select.value ? "zb-taken" : "";
      select.addEventListener("change", function () { remap(found, heading, select.value); });
    });
    const body = zhoubian.put(table, "tbody");
    found.first.forEach(function (cells, at) {
      const row = zhoubian.put(body, "tr");
      zhoubian.put(row, "th", "zb-corner", found.rows[at]);
      found.headings.forEach(function (_, column) { zhoubian.put(row, "td", "", cells[column]); });
    });
  }

  /* Every field is told then: where it stands, or that no column holds it. */
  function remap(found, heading, name) {
    const columns = {};
    Object.keys(found.columns).forEach(function (one) { columns[one] = found.columns[one] === heading ? LEFT_OUT : found.columns[one]; });
    Object.keys(state.columns).forEach(function (one) { if (!(one in columns)) { columns[one] = LEFT_OUT; } });
    if (name) { columns[name] = heading; }
    state.columns = columns;
    look(null);
  }

  // -- datum -----------------------------------------------------------------------------------

  function choicesOf(found) {
    const own = state.typed ? [] : [{
      datum: "", lonlat: found.read_as,
      label: found.stated ? zhoubian.say("datum_stated", { datum: found.stated }) : found.datum ? zhoubian.say("datum_assumed", { datum: found.datum_label }) : zhoubian.say("datum_unknown"),
      is: found.datum,
    }];
    const typed = state.typed ? [{ datum: state.datum, lonlat: found.read_as, label: found.datum_label, is: found.datum }] : [];
    const others = found.places.filter(function (place) { return place.datum !== (state.typed ? state.datum : found.datum); });
    return own.concat(typed, others.map(function (place) { return { datum: place.datum, lonlat: place.lonlat, label: place.label, is: place.datum }; }));
  }

  function datums(found, fresh) {
    const step = el("zb-datum-step");
    step.hidden = found.part_needed || found.kind === "osm";
    if (step.hidden) { return; }
    el("zb-guess").textContent = found.guess || "";
    const choices = choicesOf(found);
    if (!choices.some(function (choice) { return choice.datum === state.datum; })) { state.datum = ""; }
    const box = el("zb-datums");
    box.textContent = "";
    choices.forEach(function (choice) {
      const label = zhoubian.put(box, "label");
      const radio = zhoubian.put(label, "input");
      radio.type = "radio";
      radio.name = "datum";
      radio.value = choice.datum;
      radio.checked = choice.datum === state.datum;
      const words = zhoubian.put(label, "span", "", choice.label);
      if (found.winner && found.winner === choice.is) { zhoubian.put(words, "em", "", zhoubian.say("fits_best")); }
      radio.addEventListener("change", function () {
        state.datum = choice.datum;
        place(found, choice.lonlat, false);
      });
    });
    const chosen = choices.filter(function (choice) { return choice.datum === state.datum; })[0] || choices[0];
    place(found, chosen.lonlat, fresh || !preview || state.typed);
  }

  function place(found, lonlat, move) {
    const any = lonlat.length > 0 || found.places.some(function (one) { return one.lonlat.length; });
    el("zb-no-places").hidden = any;
    el("zb-map").hidden = !any;
    if (!any) { return; }
    const far = preview && lonlat.length && !preview.map.getBounds().contains([lonlat[0][1], lonlat[0][0]]);
    preview = preview || new zhoubian.Preview(el("zb-map"));
    preview.show(found, lonlat, move || far);
  }

  // -- taking it in ------------------------------------------------------------------------------

  function run(dry) {
    busy(true);
    zhoubian.showFault(el("zb-fault"), null);
    el("zb-result").hidden = true;
    zhoubian.send(source.jobs, { token: state.token, options: options(), dry_run: dry }).then(function (answer) {
      if (answer.told.error) {
        busy(false);
        zhoubian.showFault(el("zb-fault"), answer.told.error);
        return;
      }
      el("zb-cancel").disabled = false;
      el("zb-cancel").dataset.job = answer.told.id;
      follow(answer.told.id);
    });
  }

  function follow(id) {
    zhoubian.ask(source.jobs + "/" + id, {}).then(function (answer) {
      const job = answer.told;
      if (job.error && !job.state) {
        ended(job);
        return;
      }
      el("zb-progress").hidden = false;
      far(job);
      if (job.state === "waiting" || job.state === "running") {
        window.setTimeout(function () { follow(id); }, POLL_MS);
      } else {
        ended(job);
      }
    });
  }

  function far(job) {
    const bar = el("zb-bar");
    if (job.total) { bar.value = Math.min(job.done / job.total, 1); } else { bar.removeAttribute("value"); }
    const words = [];
    if (job.state === "waiting") { words.push(zhoubian.say("waiting")); }
    if (job.total) { words.push(zhoubian.say("far", { done: zhoubian.number(job.done), total: zhoubian.number(job.total) })); } else if (job.done) { words.push(zhoubian.say("far_open", { done: zhoubian.number(job.done) })); }
    if (job.rate) { words.push(zhoubian.say("rate", { rate: zhoubian.number(job.rate) })); }
    if (job.left_s) { words.push(zhoubian.say("left", { seconds: Math.ceil(job.left_s) })); }
    el("zb-far").textContent = words.join(" · ") || zhoubian.say("starting");
  }

  function ended(job) {
    busy(false);
    el("zb-progress").hidden = true;
    zhoubian.showFault(el("zb-fault"), job.state === "cancelled" ? { message: zhoubian.say("cancelled"), hint: "" } : job.error);
    zhoubian.showResult(el("zb-result"), job);
    if (job.report && job.report.stored) {
      el("zb-try").disabled = el("zb-take").disabled = true; /* the file is in, and no longer kept */
      state.token = null;
    }
    document.body.dataset.ended = job.state || "failed";
  }

  // -- doors -----------------------------------------------------------------------------------

  function picked() {
    const files = el("zb-files").files;
    const names = Array.prototype.map.call(files, function (file) { return file.name; });
    el("zb-picked").textContent = names.length ? names.join(", ") : zhoubian.say("formats");
    el("zb-drop").classList.toggle("zb-drop--full", names.length > 0);
    el("zb-look").disabled = !names.length;
    el("zb-kind").value = "";
    el("zb-found").hidden = true;
    zhoubian.showFault(el("zb-look-fault"), null);
    Object.assign(state, { token: null, columns: {}, datum: "", typed: false, found: null });
    ["zb-encoding", "zb-datum-other"].forEach(function (id) { el(id).value = ""; });
    el("zb-part").textContent = "";
  }

  function again() { if (state.token) { look(null); } }

  zhoubian.loadTexts().then(function () {
    el("zb-files").addEventListener("change", picked);
    el("zb-file").addEventListener("submit", function (event) {
      event.preventDefault();
      if (state.token) { look(null); } else { look(el("zb-files").files); }
    });
    el("zb-kind").addEventListener("change", function () {
      Object.assign(state, { columns: {} });
      again();
    });
    el("zb-part").addEventListener("change", function () {
      Object.assign(state, { columns: {}, datum: "", typed: false });
      again();
    });
    el("zb-encoding").addEventListener("change", function () { choose(el("zb-encoding"), el("zb-encoding").value); again(); });
    el("zb-datum-other").addEventListener("change", function () {
      const typed = el("zb-datum-other").value.trim();
      Object.assign(state, { datum: typed, typed: typed !== "" });
      again();
    });
    ["dragover", "drop", "dragleave"].forEach(function (name) {
      el("zb-drop").addEventListener(name, function (event) {
        event.preventDefault();
        el("zb-drop").classList.toggle("zb-drop--over", name === "dragover");
        if (name === "drop" && event.dataTransfer.files.length) { el("zb-files").files = event.dataTransfer.files; picked(); }
      });
    });
    el("zb-try").addEventListener("click", function () { run(true); });
    el("zb-take").addEventListener("click", function () { run(false); });
    el("zb-cancel").addEventListener("click", function () {
      el("zb-cancel").disabled = true;
      zhoubian.send(source.jobs + "/" + el("zb-cancel").dataset.job + "/cancel", {});
    });
    picked(); /* a browser keeps the files of a page that is loaded again */
    document.body.dataset.ready = "yes";
  });
})();
