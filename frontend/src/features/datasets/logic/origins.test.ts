import { expect, it } from "vitest";
import { allows, fileOf, originName, patternOf, secondsOf, unitOf } from "./origins";

it("calls a file by the end of its address", () => {
  expect([fileOf("https://data.example.org/a/loans.csv?x=1"), fileOf("s3://bucket/loans.parquet"), fileOf("https://host"), fileOf("https://host/%E8%B4%B7.csv"), fileOf("https://host/%zz")]).toEqual(["loans.csv", "loans.parquet", "", "贷.csv", "%zz"]);
  expect([originName({ url: "https://host/" }), originName(null)]).toEqual(["https://host/", ""]);
});

it("knows the line that an address needs, and whether another allows it", () => {
  expect(["https://Data.Example.org/a", "http://host:8080/a", "https://host:443/a", "gs://bucket/a", "nonsense"].map(patternOf)).toEqual(["data.example.org", "host:8080", "host", "gs://bucket", ""]);
  expect([allows("*.example.org", "a.example.org"), allows("*.example.org", "example.org"), allows("s3://b", "s3://b"), allows("host", "host:8080")]).toEqual([true, false, true, false]);
});

it("says an interval in its largest unit", () => {
  expect([unitOf(86_400), unitOf(7_200), unitOf(5_400)]).toEqual([{ number: 1, unit: "days" }, { number: 2, unit: "hours" }, { number: 90, unit: "minutes" }]);
  expect(secondsOf(2, "hours")).toBe(7_200);
});
