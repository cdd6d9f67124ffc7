//! `credits_errors`.

use crate::pg::{Args, Output, Result, sql_function};
use credits_domain::error::Code;

sql_function! {
    credits_errors() -> table (code: text, name: text, meaning: text, hint: text), immutable, handler = errors
}

fn errors(_args: &Args) -> Result<Output> {
    let row = |code: Code| vec![code.sqlstate().into(), code.name().into(), code.meaning().into(), code.hint().into()];
    Ok(Output::Rows(Code::all().map(row).collect()))
}
