//! How an area of host functions is declared.

/// Declares an area: its trait, the arguments of each function, and its rows of the table.
///
/// A row is `fn name as "jsName" (Arguments { field: Type, … }) -> Result;`. An empty name leaves
/// the function out of JavaScript. What may follow the result:
/// - `, several ["a", "b"]`: Lua gets these fields of the result one by one;
/// - `, js_order ["b", "a"]`: JavaScript has the arguments in another order;
/// - `, js_default ["a"]`: these are true in JavaScript when they are left out;
/// - `, js_undefined ["a"]`: where this is left out, nothing is `undefined` in JavaScript, not `null`.
macro_rules! host_area {
    (
        $(#[$area:meta])*
        $trait:ident
        $(
            $(#[doc = $doc:literal])+
            fn $name:ident as $js:literal ($args:ident {
                $( $(#[$field_attr:meta])* $field:ident : $type:ty ),* $(,)?
            }) -> $result:ty
            $(, several [$($part:literal),+])?
            $(, js_order [$($js_field:literal),+])?
            $(, js_default [$($js_true:literal),+])?
            $(, js_undefined [$($js_undefined:literal),+])? ;
        )+
    ) => {
        $(
            #[doc = concat!("The arguments of `", stringify!($name), "`.")]
            #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
            pub struct $args {
                $(
                    /// See the function.
                    $(#[$field_attr])*
                    pub $field: $type,
                )*
            }
        )+

        $(#[$area])*
        #[async_trait::async_trait]
        pub trait $trait: Send + Sync + 'static {
            $(
                $(#[doc = $doc])+
                async fn $name(&self, args: $args) -> Result<$result, $crate::HookError>;
            )+
        }

        pub(super) const TABLE: &[$crate::host::HostFunction] = &[$(
            $crate::host::HostFunction {
                name: stringify!($name),
                js: $js,
                doc: concat!($($doc, "\n"),+),
                params: &[$($crate::host::Param {
                    name: stringify!($field),
                    of: stringify!($type),
                }),*],
                js_order: &[$($($js_field),+)?],
                js_default: &[$($($js_true),+)?],
                js_undefined: &[$($($js_undefined),+)?],
                several: &[$($($part),+)?],
                result: stringify!($result),
                run: |host, args| Box::pin(async move {
                    let args: $args = $crate::host::HostFunction::read(stringify!($name), args)?;
                    let result = host.$name(args).await?;
                    $crate::host::HostFunction::written(&result)
                }),
            },
        )+];
    };
}

pub(super) use host_area;
