//! What entries keep as JSON, beside their columns.

/// Turns such a type, which is named as errors do, into JSON and back.
macro_rules! kept_as_json {
    ($type:ty, $name:literal) => {
        impl $type {
            pub fn to_json(&self) -> $crate::error::Result<String> {
                let json = serde_json::to_string(self);
                json.map_err(|e| $crate::error::Error::invalid(format!(concat!($name, " cannot be kept: {}"), e)))
            }

            pub fn from_json(json: &str) -> $crate::error::Result<$type> {
                let detail = serde_json::from_str(json);
                detail.map_err(|e| $crate::error::Error::invalid(format!(concat!("not ", $name, ": {}"), e)))
            }
        }
    };
}

pub(crate) use kept_as_json;
