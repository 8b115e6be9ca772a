// The list of all runs: fifty at a time, searched and ordered here; ten thousand lines of HTML would be no list.
(function () {
  "use strict";
  var PAGE = 50;
  var data = window.deltaloraRuns;
  var key = {};
  data.keys.forEach(function (name, at) { key[name] = at; });
  var filters = window.deltaloraFilters;
  var form = document.getElementById("run-controls");
  var list = document.getElementById("run-list");
  var pages = document.getElementById("run-pages");
  var body = list.querySelector("tbody");
  var texts = data.rows.map(function (row) {
    return [row[key.id], row[key.experiment], row[key.scale], row[key.source], row[key.row], "seed " + row[key.seed],
      row[key.status], row[key.error]].join(" ").toLowerCase();
  });

  function found(state) {
    var words = (state.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
    var kept = [];
    data.rows.forEach(function (row, at) {
      if (state.get("scale") && row[key.scale] !== state.get("scale")) return;
      if (state.get("method") && row[key.row] !== state.get("method")) return;
      if (state.get("status") && row[key.status] !== state.get("status")) return;
      if (!words.every(function (word) { return texts[at].indexOf(word) >= 0; })) return;
      kept.push(row);
    });
    var sort = state.get("sort");
    if (sort) {
      var sign = sort === "wall" ? -1 : 1;
      kept.sort(function (a, b) {
        var left = a[key[sort]], right = b[key[sort]];
        if (left === right) return 0;
        if (left === null) return 1;
        return right === null ? -1 : sign * (left - right);
      });
    }
    return kept;
  }
  function number(value, digits) { return value === null ? "–" : value.toFixed(digits); }
  function scores(row) {
    if (row[key.status] !== "finished") return row[key.error];
    return Object.keys(row[key.scores]).slice(0, 3).map(function (name) {
      return name + " " + row[key.scores][name].toPrecision(4);
    }).join(", ");
  }
  function line(row) {
    var made = document.createElement("tr");
    var head = document.createElement("th");
    head.scope = "row";
    var link = document.createElement("a");
    link.href = "runs/" + row[key.id] + ".html";
    link.textContent = row[key.id];
    head.appendChild(link);
    made.appendChild(head);
    [row[key.experiment], row[key.scale], row[key.source], row[key.row], row[key.seed], row[key.status],
      number(row[key.loss], 4), scores(row), number(row[key.wall], 1)].forEach(function (value, at) {
      var one = made.insertCell();
      one.textContent = String(value);
      if (at === 4 || at === 6 || at === 8) one.className = "number";
    });
    return made;
  }
  function show(state) {
    ["q", "status", "sort"].forEach(function (name) {
      if (form.elements[name].value !== (state.get(name) || "")) form.elements[name].value = state.get(name) || "";
    });
    var kept = found(state);
    var last = Math.max(1, Math.ceil(kept.length / PAGE));
    var page = Math.min(last, Math.max(1, Number(state.get("page")) || 1));
    var from = (page - 1) * PAGE;
    body.replaceChildren.apply(body, kept.slice(from, from + PAGE).map(line));
    document.getElementById("runs-shown").textContent = kept.length.toLocaleString("en") + " of " +
      data.rows.length.toLocaleString("en") + " runs.";
    document.getElementById("run-page").textContent = "page " + page + " of " + last;
    pages.elements = pages.querySelectorAll("button");
    pages.elements[0].disabled = page === 1;
    pages.elements[1].disabled = page === last;
    pages.dataset.page = String(page);
  }
  function turn(by) {
    filters.change("page", String(Number(pages.dataset.page) + by));
  }

  var typed = 0;
  form.addEventListener("input", function (event) {
    var field = event.target;
    clearTimeout(typed);
    typed = setTimeout(function () {
      filters.state().delete("page");
      filters.change(field.name, field.value);
    }, field.name === "q" ? 150 : 0);
  });
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  pages.querySelector('[name="before"]').addEventListener("click", function () { turn(-1); });
  pages.querySelector('[name="after"]').addEventListener("click", function () { turn(1); });
  form.hidden = list.hidden = pages.hidden = false;
  filters.listen(show);
})();
