import { useElementSize } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { count, percent } from "@/lib/format";
import { sampleQuery, type ProfileTable } from "../api";
import { countTicks } from "../logic/bars";
import { Thumbnails } from "./thumbnails";
import classes from "./images-part.module.css";

type Images = NonNullable<ProfileTable["images"]>;

/** What a version of images holds: some of them, their dimensions, modes and formats, and which look alike. */
export function ImagesPart({ version, images }: { version: string; images: Images }) {
  const { t } = useTranslation("profile");
  const sample = useQuery(sampleQuery(version)).data;
  return (
    <div className={classes.images}>
      {sample ? <Thumbnails version={version} sample={sample} /> : null}
      <div className={classes.two}>
        <section>
          <h4 className={classes.head}>{t("images.sizes")}</h4>
          <Sizes images={images} />
        </section>
        <section>
          <Facts images={images} />
          <h4 className={classes.head}>{t("images.near")}</h4>
          {images.near.rows ? (
            <>
              <p className={classes.note}>{t("images.nearSome", { count: images.near.rows, n: count(images.near.rows), distance: images.near.distance })}</p>
              <ul className={classes.groups}>
                {images.near.examples.map((group) => (
                  <li key={group.join("\n")} data-said>{group.join(" · ")}</li>
                ))}
              </ul>
            </>
          ) : (
            <p className="soft">{t("images.nearNone")}</p>
          )}
        </section>
      </div>
    </div>
  );
}

const HEIGHT = 220;
const AXIS = 40;
const FOOT = 18;

/** A circle per width and height, its area the number of images. */
function Sizes({ images }: { images: Images }) {
  const { t } = useTranslation("profile");
  const { ref, width } = useElementSize<HTMLDivElement>();
  const right = Math.max(1, ...images.sizes.map((size) => size.width)) * 1.08;
  const top = Math.max(1, ...images.sizes.map((size) => size.height)) * 1.12;
  const most = Math.max(1, ...images.sizes.map((size) => size.count));
  const inner = Math.max(60, width - AXIS - 8);
  return (
    <div ref={ref}>
      <svg width={Math.max(width, 1)} height={HEIGHT + FOOT} role="img" aria-label={t("images.sizesLabel")} className={classes.plot}>
        <g transform={`translate(${AXIS} 0)`}>
          {countTicks(top).map((tick) => (
            <g key={`y${tick}`}>
              <line x1={0} x2={inner} y1={HEIGHT - (tick / top) * HEIGHT} y2={HEIGHT - (tick / top) * HEIGHT} className={classes.line} />
              <text x={-6} y={HEIGHT - (tick / top) * HEIGHT + 4} textAnchor="end" className={classes.tick}>
                {tick}
              </text>
            </g>
          ))}
          {countTicks(right).map((tick) => (
            <text key={`x${tick}`} x={(tick / right) * inner} y={HEIGHT + 14} textAnchor="middle" className={classes.tick}>
              {tick}
            </text>
          ))}
          {images.sizes.map((size) => (
            <circle key={`${size.width} ${size.height}`} cx={(size.width / right) * inner} cy={HEIGHT - (size.height / top) * HEIGHT} r={3 + 15 * Math.sqrt(size.count / most)} className={classes.dot}>
              <title>{t("images.size", { width: size.width, height: size.height, n: count(size.count) })}</title>
            </circle>
          ))}
        </g>
      </svg>
      {images.sizes_left_out ? <p className={classes.note}>{t("images.sizesLeftOut", { n: count(images.sizes.length) })}</p> : null}
      <table className="visually-hidden">
        <caption>{t("images.sizesLabel")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("images.width")}</th>
            <th scope="col">{t("images.height")}</th>
            <th scope="col">{t("images.count")}</th>
          </tr>
        </thead>
        <tbody>
          {images.sizes.slice(0, 30).map((size) => (
            <tr key={`${size.width} ${size.height}`}>
              <td>{size.width}</td>
              <td>{size.height}</td>
              <td>{size.count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Facts({ images }: { images: Images }) {
  const { t } = useTranslation("profile");
  const listed = (found: Images["modes"]): string => found.map((each) => `${each.value} ${percent(images.count ? each.count / images.count : 0)}`).join(" · ");
  const facts: [string, string][] = [
    [t("images.count"), count(images.count)],
    [t("images.formats"), listed(images.formats)],
    [t("images.modes"), listed(images.modes)],
    [t("images.corrupt"), count(images.corrupt)],
    [t("images.equal"), count(images.equal)],
  ];
  return (
    <dl className={classes.facts}>
      {facts.map(([term, said]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{said}</dd>
        </div>
      ))}
    </dl>
  );
}
