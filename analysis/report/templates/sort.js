for (const table of document.querySelectorAll("table[id^=table-]")) {
  const heads = table.tHead.rows[table.tHead.rows.length - 1].cells;
  const rows = Array.from(table.tBodies[0].rows);
  const value = (row, place) => {
    const cell = row.cells[place];
    const number = cell.dataset.value;
    return number === undefined ? cell.textContent.trim() : Number(number);
  };
  Array.from(heads).forEach((head, place) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
      Array.from(heads).forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const compare = (a, b) =>
        typeof a === "number" && typeof b === "number" ? a - b
          : typeof a === "number" ? 1 : typeof b === "number" ? -1 : a.localeCompare(b);
      table.tBodies[0].append(...[...rows].sort((a, b) => sign * compare(value(a, place), value(b, place))));
    });
  });
}
