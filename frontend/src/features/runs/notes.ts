/** Notes of runs as a table shows them. Pure. */

/** Characters of them that a row brings. */
export const SHOWN_MOST = 200;

interface Noted {
  id: string;
  notes: string;
}

/** A page of the table with other notes on one run; the same page where it has not that run. */
export function withNotes<Row extends Noted, Page extends { rows: Row[] }>(page: Page, id: string, notes: string): Page {
  if (!page.rows.some((row) => row.id === id)) return page;
  const shown = [...notes.trim()].slice(0, SHOWN_MOST).join("");
  return { ...page, rows: page.rows.map((row) => (row.id === id ? { ...row, notes: shown } : row)) };
}
