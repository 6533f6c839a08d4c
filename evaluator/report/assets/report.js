// Opens what a link leads to, and makes each table of class "sortable" so, once it is nearly in sight: a page of fifty tables opens at once.
"use strict";
{
  const words = { search: "Filter", info: "_TOTAL_ _ENTRIES-TOTAL_", entries: { _: "rows", 1: "row" }, infoEmpty: "0 rows", infoFiltered: "of _MAX_", zeroRecords: "No row holds this." };
  const start = (table) =>
    new DataTable(table, {
      paging: false,
      autoWidth: false,
      order: [], // as written: best first
      orderDescReverse: false, // ties stay in that order
      language: words,
      layout: { topStart: table.tBodies[0].rows.length > 3 ? ["search", "info"] : null, topEnd: null, bottomStart: null, bottomEnd: null },
    });
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        start(target);
      }
    },
    { rootMargin: "400px" },
  );
  for (const table of document.querySelectorAll("table.sortable")) near.observe(table);
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let each = target.querySelector(":scope > details.whole") ?? target; each; each = each.parentElement) {
      if (each.tagName === "DETAILS") each.open = true;
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
}
