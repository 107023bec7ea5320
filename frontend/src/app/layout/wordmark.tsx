/** The glyph: two stacked slabs, the lower one wider; and the name. */
export function Wordmark({ glyphOnly = false }: { glyphOnly?: boolean }) {
  return (
    <span style={{ display: "inline-flex", gap: 8, alignItems: "center", fontWeight: 650, fontSize: 15 }}>
      <svg width="20" height="16" viewBox="0 0 20 16" fill="var(--accent)" aria-hidden>
        <rect x="4" y="1" width="12" height="6" rx="2" />
        <rect x="0" y="9" width="20" height="6" rx="2" />
      </svg>
      {glyphOnly ? null : <span>Bedplate</span>}
    </span>
  );
}
