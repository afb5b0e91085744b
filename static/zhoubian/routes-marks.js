/* What the routes map paints on its canvas: a line with its direction, a numbered stop, a start or an end,
   a place that is not visited. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const APART_PX = 84; /* between two arrows */
  const BADGES = { back_alley: "#c2183c", compound: "#5a2a8c" };

  /* Black or white, whichever is read better on a colour (WCAG 2.1, relative luminance). */
  zhoubian.inkOn = function (colour) {
    const light = [1, 3, 5].map(function (at) {
      const part = parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.03928 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4);
    });
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.3 ? "#1f2a33" : "#ffffff";
  };

  /* A line moved to its right, so that the way there and the way back are seen beside each other. */
  function beside(points, shift) {
    const clean = points.filter(function (p, i) { return !i || Math.abs(p.x - points[i - 1].x) + Math.abs(p.y - points[i - 1].y) > 0.5; });
    if (clean.length < 2) { return []; }
    const normals = clean.slice(1).map(function (p, i) {
      const dx = p.x - clean[i].x;
      const dy = p.y - clean[i].y;
      const length = Math.sqrt(dx * dx + dy * dy);
      return [-dy / length, dx / length];
    });
    return clean.map(function (p, i) {
      const a = normals[Math.max(i - 1, 0)];
      const b = normals[Math.min(i, normals.length - 1)];
      const x = a[0] + b[0];
      const y = a[1] + b[1];
      const square = x * x + y * y;
      const far = square < 0.5 ? [b[0], b[1]] : [(2 * x) / square, (2 * y) / square];
      return { x: p.x + far[0] * shift, y: p.y + far[1] * shift };
    });
  }

  function trace(ctx, lines) {
    ctx.beginPath();
    lines.forEach(function (line) {
      line.forEach(function (p, i) { ctx[i ? "lineTo" : "moveTo"](p.x, p.y); });
    });
  }

  function arrows(ctx, lines, size) {
    ctx.beginPath();
    lines.forEach(function (line) {
      let left = APART_PX / 2;
      for (let i = 1; i < line.length; i++) {
        const a = line[i - 1];
        const b = line[i];
        const length = Math.sqrt((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y));
        if (length >= left && length > 2 * size) {
          const ux = (b.x - a.x) / length;
          const uy = (b.y - a.y) / length;
          const x = a.x + ux * left;
          const y = a.y + uy * left;
          ctx.moveTo(x - ux * size - uy * size, y - uy * size + ux * size);
          ctx.lineTo(x + ux * size, y + uy * size);
          ctx.lineTo(x - ux * size + uy * size, y - uy * size - ux * size);
          ctx.closePath();
          left = APART_PX - (length - left) % APART_PX;
        } else {
          left = Math.max(left - length, 0);
        }
      }
    });
    ctx.stroke();
    ctx.fill();
  }

  /* All legs of a team: casing, colour, arrows. */
  zhoubian.RouteLine = L.Polyline.extend({
    _updatePath: function () {
      const renderer = this._renderer;
      if (!renderer._drawing || !this._parts.length) { return; }
      const ctx = renderer._ctx;
      const look = this.options;
      const lines = this._parts.map(function (part) { return beside(part, look.shift); });
      ctx.save();
      ctx.setLineDash([]);
      ctx.lineJoin = ctx.lineCap = "round";
      ctx.globalAlpha = look.opacity;
      trace(ctx, lines);
      ctx.lineWidth = look.weight + 3;
      ctx.strokeStyle = "#ffffff";
      ctx.stroke();
      ctx.lineWidth = look.weight;
      ctx.strokeStyle = look.color;
      ctx.stroke();
      ctx.lineWidth = 2.4;
      ctx.strokeStyle = "#ffffff";
      ctx.fillStyle = look.color;
      arrows(ctx, lines, look.weight + 0.5);
      ctx.restore();
    },
  });

  function badge(ctx, kind, x, y) {
    ctx.lineWidth = 3;
    ctx.strokeStyle = "#ffffff";
    if (zhoubian.CLASSES[kind]) {
      zhoubian.traceSymbol(ctx, kind, x, y, 5);
      ctx.stroke();
      ctx.fillStyle = zhoubian.CLASSES[kind].color;
      ctx.fill();
      return;
    }
    ctx.beginPath();
    if (kind === "compound") { ctx.rect(x - 4, y - 4, 8, 8); } else { ctx.rect(x - 6, y - 2, 12, 4); }
    ctx.stroke();
    ctx.fillStyle = BADGES[kind] || "#37434d";
    ctx.fill();
  }

  function written(ctx, words, x, y, size, ink) {
    ctx.font = "700 " + size + "px " + zhoubian.FONT;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = ink;
    ctx.fillText(words, x, y + 0.5);
  }

  function disc(ctx, x, y, r, fill, ring, width) {
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 2 * Math.PI);
    ctx.fillStyle = "#ffffff";
    ctx.lineWidth = width + 3;
    ctx.strokeStyle = "#ffffff";
    ctx.stroke();
    ctx.fillStyle = fill;
    ctx.fill();
    ctx.lineWidth = width;
    ctx.strokeStyle = ring;
    ctx.stroke();
  }

  /* A mark on the canvas: paint(ctx, x, y, radius, options), faint where the options say so. */
  function mark(paint) {
    return L.CircleMarker.extend({
      _updatePath: function () {
        const renderer = this._renderer;
        if (!renderer._drawing || this._empty()) { return; }
        const ctx = renderer._ctx;
        ctx.save();
        ctx.setLineDash([]);
        ctx.globalAlpha = this.options.opacity;
        paint(ctx, this._point.x, this._point.y, this._radius, this.options);
        ctx.restore();
      },
    });
  }

  /* options: number, kind, color, ink, late, locked, opacity */
  zhoubian.RouteStop = mark(function (ctx, x, y, r, look) {
    disc(ctx, x, y, r, look.color, look.locked ? "#1f2a33" : look.color, look.locked ? 2.5 : 1);
    written(ctx, String(look.number), x, y, look.number > 99 ? 9 : 12, look.ink);
    badge(ctx, look.kind, x + r * 0.85, y - r * 0.85);
    if (look.late) {
      disc(ctx, x + r * 0.85, y + r * 0.85, 6, "#ffffff", "#b3001b", 1.5);
      written(ctx, "!", x + r * 0.85, y + r * 0.85, 10, "#b3001b");
    }
  });

  /* options: letter, opacity; a start, an end or both */
  zhoubian.RouteEnd = mark(function (ctx, x, y, r, look) {
    ctx.lineJoin = "round";
    ctx.beginPath();
    ctx.rect(x - r, y - r, 2 * r, 2 * r);
    ctx.lineWidth = 5;
    ctx.strokeStyle = "#ffffff";
    ctx.stroke();
    ctx.fillStyle = "#1f2a33";
    ctx.fill();
    written(ctx, look.letter, x, y, 12, "#ffffff");
  });

  /* options: kind, opacity; a site that no team visits */
  zhoubian.RouteMissed = mark(function (ctx, x, y, r, look) {
    disc(ctx, x, y, r, "#ffffff", "#6f7a83", 2);
    ctx.beginPath();
    ctx.moveTo(x - r * 0.4, y - r * 0.4);
    ctx.lineTo(x + r * 0.4, y + r * 0.4);
    ctx.moveTo(x + r * 0.4, y - r * 0.4);
    ctx.lineTo(x - r * 0.4, y + r * 0.4);
    ctx.strokeStyle = "#6f7a83";
    ctx.lineWidth = 2;
    ctx.stroke();
    badge(ctx, look.kind, x + r, y - r);
  });
})();
