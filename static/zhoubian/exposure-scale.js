/* The fixed classes of exposure and priority and how they look: the same at every setting, so that two
   pictures can be compared. Colours are viridis (Smith and van der Walt 2015) from light to dark: even for
   colour-blind readers, and a grey print keeps their order; lines also grow wider with the class. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const COLORS = ["#ece7dc", "#dce319", "#82d34d", "#44bd72", "#25a685", "#1f918c", "#2a7a8e", "#345f8d", "#443b84", "#2c003e"];

  zhoubian.UNIT_LAYERS = ["back_alleys", "compounds"];
  zhoubian.ZERO_EDGE = "#c4bba9";
  zhoubian.BLIND = { color: "#7c858c", dash: "3 4" };

  /* `edges`: lower ends of the classes after the first; class 0 is exactly nothing.
     `per`: what values are multiplied by before they are written. */
  zhoubian.SCALES = {
    exposure: { key: "pi", edges: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 0.5], colors: COLORS, per: 100, unit: "\u00a0%" },
    priority: { key: "priority", edges: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1], colors: COLORS, per: 100, unit: "" },
  };

  zhoubian.classOf = function (value, scale) {
    if (!(value > 0)) { return 0; }
    let number = 1;
    while (number <= scale.edges.length && value >= scale.edges[number - 1]) { number += 1; }
    return number;
  };

  const plain = function (value) { return String(Number(value.toPrecision(3))); };

  zhoubian.classLabel = function (number, scale) {
    const ends = scale.edges.map(function (edge) { return plain(edge * scale.per); });
    if (number === 0) { return "0"; }
    if (number === 1) { return "<\u00a0" + ends[0] + scale.unit; }
    if (number > ends.length) { return "≥\u00a0" + ends[ends.length - 1] + scale.unit; }
    return ends[number - 2] + "–" + ends[number - 1] + scale.unit;
  };

  /* A chance with three digits, never rounded to a certainty that it is not. */
  zhoubian.percent = function (chance) {
    if (chance > 0 && chance < 1e-5) { return "<\u00a00.001\u00a0%"; }
    if (chance < 1 && chance > 0.999) { return ">\u00a099.9\u00a0%"; }
    return plain(chance * 100) + "\u00a0%";
  };

  zhoubian.number = function (value) {
    if (value > 0 && value < 1e-4) { return "<\u00a00.0001"; }
    return value >= 1000 ? Math.round(value).toLocaleString("en-US") : plain(value);
  };

  zhoubian.metres = function (value) { return zhoubian.text("metres", { n: Math.round(value) }); };

  zhoubian.svg = function (tag, attributes, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.keys(attributes).forEach(function (name) { element.setAttribute(name, String(attributes[name])); });
    if (text !== undefined) { element.textContent = text; }
    return element;
  };

  /* Diagonal lines for areas that no anchor reaches. */
  zhoubian.hatch = function () {
    const tile = document.createElement("canvas");
    tile.width = 7;
    tile.height = 7;
    const ctx = tile.getContext("2d");
    ctx.fillStyle = "#eceae5";
    ctx.fillRect(0, 0, 7, 7);
    ctx.strokeStyle = zhoubian.BLIND.color;
    ctx.lineWidth = 1.1;
    [-7, 0, 7].forEach(function (from) {
      ctx.beginPath();
      ctx.moveTo(from - 1, 8);
      ctx.lineTo(from + 8, -1);
      ctx.stroke();
    });
    return ctx.createPattern(tile, "repeat");
  };
})();
