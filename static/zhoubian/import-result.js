/* What became of the rows of a file: counts, notes, the refused ones with their reasons. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const COUNTS = ["read", "accepted", "fixed", "refused", "merged"];
  const CELLS = ["row", "field", "value", "reason"];

  function table(parent, heads, figures) {
    const card = zhoubian.put(parent, "div", "zb-scrolls");
    const made = zhoubian.put(card, "table", "zb-table");
    const row = zhoubian.put(zhoubian.put(made, "thead"), "tr");
    heads.forEach(function (head) { zhoubian.put(row, "th", figures.indexOf(head) < 0 ? "" : "zb-figure", zhoubian.say("head_" + head)); });
    return zhoubian.put(made, "tbody");
  }

  zhoubian.showResult = function (box, job) {
    const report = job.report;
    box.textContent = "";
    box.hidden = !report;
    if (!report) { return; }
    box.dataset.state = report.stored ? "stored" : job.error ? "refused" : "tried";
    const title = job.error ? "nothing_stored" : report.stored ? "stored" : "tried";
    zhoubian.put(box, "h3", "", zhoubian.say(title, { batch: report.batch, datum: report.datum_label }));
    const body = table(box, ["layer"].concat(COUNTS), COUNTS);
    report.layers.forEach(function (layer) {
      const row = zhoubian.put(body, "tr");
      zhoubian.put(row, "td", "", layer.label);
      COUNTS.forEach(function (what) { zhoubian.put(row, "td", "zb-figure", zhoubian.number(layer[what] || 0)); });
    });
    const notes = zhoubian.put(box, "ul", "zb-notes");
    report.notes.forEach(function (note) { zhoubian.put(notes, "li", "", note); });
    const passed = report.passed.row_empty + report.passed.row_total;
    if (passed) { zhoubian.put(notes, "li", "", zhoubian.say("passed_over", { empty: report.passed.row_empty, totals: report.passed.row_total })); }
    if (report.to_mend) { refused(box, report, job.workbook); }
    if (report.stored) {
      const line = zhoubian.put(box, "p", "zb-next");
      const source = zhoubian.el("zb-source").dataset;
      [["history", source.history], ["home", source.home]].forEach(function (link) {
        zhoubian.put(line, "a", "", zhoubian.say("to_" + link[0])).href = link[1];
      });
    }
  };

  function refused(box, report, workbook) {
    const head = zhoubian.put(box, "div", "zb-refused-head");
    const count = report.refused.length;
    zhoubian.put(head, "h3", "", zhoubian.say(count < report.to_mend ? "refused_first" : "refused_all", { count: zhoubian.number(report.to_mend), shown: count }));
    if (workbook) {
      const link = zhoubian.put(head, "a", "zb-button", zhoubian.say("download"));
      link.href = workbook;
      link.download = "";
    }
    const body = table(box, CELLS, []);
    report.refused.forEach(function (fault) {
      const row = zhoubian.put(body, "tr");
      CELLS.forEach(function (what) { zhoubian.put(row, "td", "", fault[what]); });
    });
  }
})();
