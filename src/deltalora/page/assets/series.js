// How a row looks in every plot: colour, dash and marker, so that lines part in print and for every colour vision.
(function () {
  "use strict";
  var ROWS = ["full", "ft_frozen_embeddings", "ft_qv", "lora", "dylora", "adalora", "delta_lora",
    "lora_no_dropout", "lora_alpha_matched", "lora_lr_matched"];
  var COLOURS = ["--s-ink", "--s-sky", "--s-purple", "--s-blue", "--s-green", "--s-ochre", "--s-red",
    "--s-blue", "--s-sky", "--s-green"];
  var DASHES = ["solid", "dash", "dot", "solid", "dashdot", "longdash", "solid", "dash", "dot", "dot"];
  var MARKERS = ["circle", "square", "triangle-up", "diamond", "cross", "x", "circle", "diamond-open", "square-open",
    "triangle-up-open"];
  var others = {ours: 6, paper: 0, "": 3};
  var next = 0;

  function place(row) {
    var known = ROWS.indexOf(row);
    if (known >= 0) return known;
    if (!(row in others)) { others[row] = next % ROWS.length; next += 1; }
    return others[row];
  }
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  window.deltaloraSeries = {
    colour: colour,
    of: function (row) {
      var at = place(row);
      return {colour: colour(COLOURS[at]), dash: DASHES[at], marker: MARKERS[at], width: row === "delta_lora" ? 2.6 : 1.6};
    },
  };
})();
