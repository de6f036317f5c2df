// Prints what three readers find in each workbook that an argument names, as JSON: {reader: {path: {sheet: rows}}}.
// A time is {"time": "2026-01-31T08:00:00.000Z"}, to the second, so that it is neither text nor a number.

import { createReadStream, readFileSync } from "node:fs";

import ExcelJS from "exceljs";
import * as SheetJS from "xlsx";

function shown(value) {
  if (!(value instanceof Date)) return value ?? null;
  return { time: new Date(Math.round(value / 1000) * 1000).toISOString() };
}

function sheetjs(path) {
  const book = SheetJS.read(readFileSync(path), { cellDates: true });
  const sheets = {};
  for (const name of book.SheetNames) {
    const rows = SheetJS.utils.sheet_to_json(book.Sheets[name], { header: 1, defval: null });
    sheets[name] = rows.map((row) => row.map(shown));
  }
  return sheets;
}

// ExcelJS counts columns from 1, and leaves the escapes of Office Open XML in texts.
function row(values) {
  const plain = (value) => (typeof value === "string" ? value.replaceAll("_x005F_", "_") : value);
  return Array.from(values.slice(1), (value) => shown(plain(value)));
}

async function exceljs(path) {
  const book = new ExcelJS.Workbook();
  await book.xlsx.readFile(path);
  const sheets = {};
  book.eachSheet((sheet) => {
    sheets[sheet.name] = [];
    sheet.eachRow({ includeEmpty: true }, (each) => sheets[sheet.name].push(row(each.values)));
  });
  return sheets;
}

async function stream(path) {
  const sheets = {};
  const options = { worksheets: "emit", styles: "cache", sharedStrings: "cache", hyperlinks: "ignore" };
  for await (const sheet of new ExcelJS.stream.xlsx.WorkbookReader(createReadStream(path), options)) {
    sheets[sheet.name] = [];
    for await (const each of sheet) sheets[sheet.name].push(row(each.values));
  }
  return sheets;
}

const found = {};
for (const read of [sheetjs, exceljs, stream]) {
  found[read.name] = {};
  for (const path of process.argv.slice(2)) found[read.name][path] = await read(path);
}
console.log(JSON.stringify(found));
