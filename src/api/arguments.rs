//! Arguments that several verbs share, checked for their form.

use crate::pg::{Args, Result, session};
use credits_domain::amount::Amount;
use credits_domain::entry::Dimensions;
use credits_domain::error::{Error, Result as Checked};
use credits_domain::name;
use credits_domain::period::Period;

/// A name or key that must be given: account, idempotency_key, feature …
pub fn name(args: &Args, i: usize) -> Result<&str> {
    let value = args.text(i)?.ok_or_else(|| missing(args.name(i)))?;
    name::check(args.name(i), value)?;
    Ok(value)
}

/// A name or key that may be left out.
pub fn optional_name(args: &Args, i: usize) -> Result<Option<&str>> {
    let value = args.text(i)?;
    if let Some(value) = value {
        name::check(args.name(i), value)?;
    }
    Ok(value)
}

/// LC005: a required argument is NULL.
pub fn missing(argument: &str) -> Error {
    Error::argument(argument, "NULL", format!("{argument} must not be NULL"))
}

/// The period between two instants that must be given, `from_time` and, right after it, `to_time`.
pub fn period(args: &Args, i: usize) -> Result<Period> {
    let instant = |i: usize| args.time(i)?.ok_or_else(|| missing(args.name(i)).into());
    let (from, to): (Result<_>, Result<_>) = (instant(i), instant(i + 1));
    Ok(Period::new(from?, to?)?)
}

/// An amount above zero that must be given.
pub fn positive_amount(args: &Args, i: usize) -> Result<Amount> {
    let amount = args.amount(i)?.ok_or_else(|| missing(args.name(i)))?;
    Ok(positive(args.name(i), amount)?)
}

/// LC004 unless it is above zero.
pub fn positive(argument: &str, amount: Amount) -> Checked<Amount> {
    if amount.is_positive() {
        Ok(amount)
    } else {
        Err(Error::amount(format!("{argument} must be above zero")).detail(format!("{argument}={amount}")))
    }
}

/// LC004 where it is below zero.
pub fn not_negative(argument: &str, amount: Amount) -> Checked<Amount> {
    if amount.is_negative() {
        return Err(Error::amount(format!("{argument} must not be negative")).detail(format!("{argument}={amount}")));
    }
    Ok(amount)
}

/// The personal part gets a salt, so that its digest can be kept when it is erased.
pub fn dimensions(
    feature: Option<&str>,
    actor: Option<&str>,
    resource: Option<&str>,
    metadata: Option<String>,
) -> Result<Dimensions> {
    let mut dimensions = Dimensions {
        feature: feature.map(Into::into),
        actor: actor.map(Into::into),
        resource: resource.map(Into::into),
        metadata,
        salt: None,
    };
    if dimensions.is_personal() {
        dimensions.salt = Some(session::random_salt()?);
    }
    Ok(dimensions)
}

/// The elements of an array that a batch needs for each of its items: none of them NULL.
pub fn texts(args: &Args, i: usize) -> Result<Vec<String>> {
    let name = args.name(i);
    let texts = args.texts(i)?.ok_or_else(|| missing(name))?;
    texts.into_iter().map(|text| text.ok_or_else(|| element_missing(name).into())).collect()
}

/// LC005: an element of an array is NULL.
fn element_missing(argument: &str) -> Error {
    Error::argument(argument, "NULL", format!("{argument} must not contain NULL"))
}

/// Names or keys, one for each item of a batch.
pub fn names(args: &Args, i: usize) -> Result<Vec<String>> {
    let names = texts(args, i)?;
    for value in &names {
        name::check(args.name(i), value)?;
    }
    Ok(names)
}

/// Amounts above zero, one for each item of a batch.
pub fn positive_amounts(args: &Args, i: usize) -> Result<Vec<Amount>> {
    let name = args.name(i);
    let amounts = args.amounts(i)?.ok_or_else(|| missing(name))?;
    amounts.into_iter().map(|amount| Ok(positive(name, amount.ok_or_else(|| element_missing(name))?)?)).collect()
}

/// LC005 unless the arrays of a batch are of one length.
pub fn same_length(args: &Args, lengths: &[(usize, usize)]) -> Checked<()> {
    if lengths.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        return Ok(());
    }
    let figures: Vec<String> = lengths.iter().map(|(i, length)| format!("{}={length}", args.name(*i))).collect();
    Err(Error::invalid("the arrays of a batch must have one element for each item").detail(figures.join(" ")))
}
