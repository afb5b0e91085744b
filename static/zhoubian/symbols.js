/* How the six classes of anchors look: colour (Okabe and Ito 2008, safe for colour-blind readers) and
   shape, so that a black-and-white print still tells them apart. The keys of the legend in draw.css
   repeat these colours and shapes. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});

  const turn = function (sides, from) {
    return Array.from({ length: sides }, function (_, i) {
      const angle = from + (2 * Math.PI * i) / sides;
      return [Math.cos(angle), Math.sin(angle)];
    });
  };
  const UP = -Math.PI / 2;
  const PLUS = [
    [-0.4, -1], [0.4, -1], [0.4, -0.4], [1, -0.4], [1, 0.4], [0.4, 0.4],
    [0.4, 1], [-0.4, 1], [-0.4, 0.4], [-1, 0.4], [-1, -0.4], [-0.4, -0.4],
  ];

  zhoubian.CLASSES = {
    market: { color: "#d55e00", ink: "#ffffff", outline: null },
    mall: { color: "#e69f00", ink: "#2b2108", outline: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]] },
    school: { color: "#0072b2", ink: "#ffffff", outline: turn(3, UP).map(function (p) { return [p[0] * 1.25, p[1] * 1.25 + 0.15]; }) },
    hospital: { color: "#b0548f", ink: "#ffffff", outline: PLUS },
    transit: { color: "#56b4e9", ink: "#08263a", outline: turn(4, UP).map(function (p) { return [p[0] * 1.2, p[1] * 1.2]; }) },
    community: { color: "#009e73", ink: "#ffffff", outline: turn(6, UP) },
  };

  function trace(ctx, x, y, r, outline) {
    ctx.beginPath();
    if (outline === null) {
      ctx.arc(x, y, r, 0, 2 * Math.PI);
    } else {
      outline.forEach(function (p, i) {
        ctx[i ? "lineTo" : "moveTo"](x + p[0] * r, y + p[1] * r);
      });
    }
    ctx.closePath();
  }

  zhoubian.traceSymbol = function (ctx, kind, x, y, r) { trace(ctx, x, y, r, zhoubian.CLASSES[kind].outline); };

  /* A circle marker drawn on the canvas as the symbol of its class; `letter` is written inside. */
  zhoubian.Symbol = L.CircleMarker.extend({
    _updatePath: function () {
      const renderer = this._renderer;
      if (!renderer._drawing || this._empty()) {
        return;
      }
      const look = zhoubian.CLASSES[this.options.anchorClass];
      const ctx = renderer._ctx;
      const p = this._point;
      const r = Math.max(this._radius, 1);
      ctx.save();
      ctx.lineJoin = "round";
      const dot = r < 3 && !this.options.letter;
      trace(ctx, p.x, p.y, r, dot ? null : look.outline);
      ctx.globalAlpha = dot ? 0.55 : this.options.opacity;
      if (dot) {
        ctx.fillStyle = look.color;
        ctx.fill();
        ctx.restore();
        return;
      }
      ctx.lineWidth = this.options.letter && r >= 8 ? 5 : 2;
      ctx.strokeStyle = "#ffffff";
      ctx.stroke();
      ctx.fillStyle = look.color;
      ctx.fill();
      if (this.options.letter) {
        ctx.lineWidth = 1.5;
        ctx.strokeStyle = "#1f2a33";
        ctx.stroke();
      }
      if (this.options.letter && r >= 8) {
        ctx.font = "600 " + Math.round(r * (look.outline === PLUS ? 0.95 : 1.05)) + "px " + zhoubian.FONT;
        ctx.textAlign = "center";
        ctx.textBaseline = "middle";
        ctx.fillStyle = look.ink;
        ctx.fillText(this.options.letter, p.x, p.y + r * (this.options.anchorClass === "school" ? 0.22 : 0.06));
      }
      ctx.restore();
    },
  });

  zhoubian.FONT = '"Microsoft YaHei", "PingFang SC", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif';
})();
