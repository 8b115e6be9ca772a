// The filters of the index page. Their state is the address: "#scale=embedded&method=lora"; other hashes are anchors.
(function () {
  "use strict";
  var form = document.getElementById("filters");
  var shown = document.getElementById("shown");
  var state = new URLSearchParams();
  var listeners = [];

  function read() {
    var hash = location.hash.slice(1);
    if (hash.indexOf("=") < 0) return false;
    state = new URLSearchParams(hash);
    return true;
  }
  function keep() {
    var text = state.toString();
    // In place: a choice in a select box is no new page to go back from.
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  }
  function set(key, value) {
    if (value) state.set(key, value); else state.delete(key);
  }
  function count(number, one) { return number + " " + one + (number === 1 ? "" : "s"); }

  function apply() {
    var scale = state.get("scale") || "";
    var method = state.get("method") || "";
    var metric = state.get("metric") || "";
    ["scale", "method", "metric"].forEach(function (key) { form.elements[key].value = state.get(key) || ""; });
    document.querySelectorAll("[data-scale]").forEach(function (one) {
      one.hidden = Boolean(scale) && one.dataset.scale !== scale;
    });
    document.querySelectorAll("section.table").forEach(function (section) {
      var has = !metric || section.querySelector('[data-metric="' + CSS.escape(metric) + '"]');
      section.querySelectorAll("[data-metric]").forEach(function (cell) {
        cell.hidden = Boolean(metric) && cell.dataset.metric !== metric;
      });
      section.querySelectorAll("[data-method]").forEach(function (row) {
        row.hidden = Boolean(method) && row.dataset.method !== method;
      });
      if (!has) section.hidden = true;
    });
    var tables = document.querySelectorAll("section.table");
    var rows = document.querySelectorAll("table.results tbody tr");
    var visible = Array.from(rows).filter(function (row) {
      return !row.hidden && !row.closest("section.table").hidden;
    });
    var visibleTables = Array.from(tables).filter(function (section) { return !section.hidden; });
    shown.textContent = "Shown: " + visibleTables.length + " of " + count(tables.length, "table") + ", " +
      visible.length + " of " + count(rows.length, "row") + ".";
    listeners.forEach(function (listener) { listener(state); });
    document.dispatchEvent(new Event("deltalora-filtered"));
  }

  window.deltaloraFilters = {
    state: function () { return state; },
    change: function (key, value) { set(key, value); keep(); apply(); },
    listen: function (listener) { listeners.push(listener); listener(state); },
  };

  form.hidden = false;
  form.addEventListener("change", function (event) {
    set(event.target.name, event.target.value);
    set("page", "");
    keep();
    apply();
  });
  form.addEventListener("reset", function (event) {
    event.preventDefault();
    ["scale", "method", "metric", "page"].forEach(function (key) { state.delete(key); });
    keep();
    apply();
  });
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  window.addEventListener("hashchange", function () { if (read()) apply(); else reveal(); });

  // A link to what a filter hides shows it.
  function reveal() {
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest("[hidden]")) {
      ["scale", "method", "metric"].forEach(function (key) { state.delete(key); });
      apply();
      target.scrollIntoView();
    }
  }
  read();
  apply();
})();
