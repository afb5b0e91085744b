/* Names on the map: points first, then streets along their lines, never one over another.
   Text is painted on a canvas, so whatever a name holds it stays a picture of text. */
(function () {
  "use strict";
  const zhoubian = (window.zhoubian = window.zhoubian || {});
  const REPEAT_PX = 320;

  zhoubian.Labels = L.Layer.extend({
    /* points: [{latlng, text, minZoom, weight, color, group, dy}] by importance;
       streets: [{text, minZoom, lines: [[latlng]], bounds, group}] by importance. */
    initialize: function (points, streets) {
      this._points = points;
      this._streets = streets;
    },

    onAdd: function (map) {
      this._map = map;
      this._canvas = L.DomUtil.create("canvas", "zb-labels leaflet-zoom-hide", map.getPane("zb-labels"));
      map.on("moveend resize zb:toggled", this._redraw, this);
      this._redraw();
    },

    onRemove: function (map) {
      map.off("moveend resize zb:toggled", this._redraw, this);
      L.DomUtil.remove(this._canvas);
    },

    _redraw: function () {
      const map = this._map;
      const size = map.getSize();
      const ratio = Math.max(window.devicePixelRatio || 1, zhoubian.printing ? 2 : 1);
      const canvas = this._canvas;
      L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
      canvas.width = size.x * ratio;
      canvas.height = size.y * ratio;
      canvas.style.width = size.x + "px";
      canvas.style.height = size.y + "px";
      const ctx = canvas.getContext("2d");
      ctx.scale(ratio, ratio);
      ctx.textBaseline = "middle";
      ctx.lineJoin = "round";
      this._taken = [];
      this._spots = Object.create(null);
      this._size = size;
      const zoom = map.getZoom();
      this._points.forEach(function (label) {
        if (zoom >= label.minZoom && map.hasLayer(label.group)) {
          this._point(ctx, label);
        }
      }, this);
      const view = map.getBounds();
      this._streets.forEach(function (street) {
        if (zoom >= street.minZoom && map.hasLayer(street.group) && view.intersects(street.bounds)) {
          this._street(ctx, street);
        }
      }, this);
    },

    _free: function (box) {
      const meets = this._taken.some(function (other) {
        return box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3];
      });
      if (!meets) {
        this._taken.push(box);
      }
      return !meets;
    },

    _point: function (ctx, label) {
      const p = this._map.latLngToContainerPoint(label.latlng);
      if (p.x < 0 || p.y < 0 || p.x > this._size.x || p.y > this._size.y) {
        return;
      }
      ctx.font = label.weight + " 12px " + zhoubian.FONT;
      const text = label.text.length > 22 ? label.text.slice(0, 21) + "…" : label.text;
      const half = ctx.measureText(text).width / 2;
      const y = p.y + label.dy;
      if (this._free([p.x - half - 3, y - 9, p.x + half + 3, y + 9])) {
        this._write(ctx, text, p.x, y, label.color, 3.5);
      }
    },

    _write: function (ctx, text, x, y, color, halo) {
      ctx.textAlign = "center";
      ctx.lineWidth = halo;
      ctx.strokeStyle = "rgba(255,255,255,0.9)";
      ctx.strokeText(text, x, y);
      ctx.fillStyle = color;
      ctx.fillText(text, x, y);
    },

    _street: function (ctx, street) {
      ctx.font = "400 11px " + zhoubian.FONT;
      const width = ctx.measureText(street.text).width + 8;
      const spots = (this._spots[street.text] = this._spots[street.text] || []);
      street.lines.forEach(function (line) {
        const spot = this._straight(line, width);
        const near = spot && spots.some(function (s) { return Math.hypot(s[0] - spot.x, s[1] - spot.y) < REPEAT_PX; });
        if (!spot || near) {
          return;
        }
        const dx = (Math.abs(Math.cos(spot.angle)) * width + Math.abs(Math.sin(spot.angle)) * 14) / 2;
        const dy = (Math.abs(Math.sin(spot.angle)) * width + Math.abs(Math.cos(spot.angle)) * 14) / 2;
        if (this._free([spot.x - dx, spot.y - dy, spot.x + dx, spot.y + dy])) {
          spots.push([spot.x, spot.y]);
          ctx.save();
          ctx.translate(spot.x, spot.y);
          ctx.rotate(spot.angle);
          this._write(ctx, street.text, 0, 0, "#7d7466", 3);
          ctx.restore();
        }
      }, this);
    },

    /* The middle of the first nearly straight piece of a line, in view and long enough for a text. */
    _straight: function (line, width) {
      const map = this._map;
      const size = this._size;
      const points = line.map(function (latlng) { return map.latLngToContainerPoint(latlng); });
      const inside = function (p) { return p.x > 10 && p.y > 10 && p.x < size.x - 10 && p.y < size.y - 10; };
      for (let i = 0; i + 1 < points.length; i++) {
        let length = 0;
        for (let j = i + 1; j < points.length; j++) {
          length += points[j].distanceTo(points[j - 1]);
          const chord = points[i].distanceTo(points[j]);
          if (chord < 0.97 * length) {
            break;
          }
          if (chord >= width) {
            const middle = { x: (points[i].x + points[j].x) / 2, y: (points[i].y + points[j].y) / 2 };
            if (!inside(middle)) {
              break;
            }
            let angle = Math.atan2(points[j].y - points[i].y, points[j].x - points[i].x);
            if (angle > Math.PI / 2) { angle -= Math.PI; }
            if (angle < -Math.PI / 2) { angle += Math.PI; }
            middle.angle = angle;
            return middle;
          }
        }
      }
      return null;
    },
  });
})();
