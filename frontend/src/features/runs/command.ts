/** A command as people write it, and the words that are executed without a shell. Pure. */

/** The words of a line: blanks part them, quotes keep them together, a backslash takes the next letter as it is. */
export function wordsOf(line: string): { words: string[]; isOpen: boolean } {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < line.length; at += 1) {
    const letter = line[at] ?? "";
    if (quote) {
      if (letter === quote) quote = "";
      else if (letter === "\\" && quote === '"' && '"\\'.includes(line[at + 1] ?? " ")) word = (word ?? "") + (line[(at += 1)] ?? "");
      else word = (word ?? "") + letter;
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= "";
    } else if (letter === "\\" && at + 1 < line.length) word = (word ?? "") + (line[(at += 1)] ?? "");
    else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + letter;
  }
  if (word !== undefined) words.push(word);
  return { words, isOpen: quote !== "" };
}

const PLAIN = /^[\w@%+=:,./-]+$/;

/** The line whose words these are. */
export const lineOf = (words: readonly string[]): string =>
  words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");

/** What only a shell would understand: it is given to the command as a word. */
export const needsShell = (words: readonly string[]): boolean =>
  !["sh", "bash"].includes(words[0] ?? "") && words.some((word) => /^(&&|\|\|?|;|>>?|<|&)$/.test(word) || word.includes("$("));
