//! Registry clients in Rust as a command line:
//!
//!     rust-clients CRATE ACTION REFERENCE [ARGUMENT]
//!
//! CRATE is `oci-client` or `oci-distribution`; ATCR_USER and ATCR_PASSWORD
//! hold the account, without them nobody signs in. Each action prints a line:
//!
//! - `login`: nothing, after a token for pushes was had
//! - `push`: the address of the manifest; ARGUMENT is the bytes of the layer
//! - `pull`: the bytes of all layers, which have to be those of `push`
//! - `tags`: the tags, one a line
//! - `digest`: the digest of the manifest
//! - `index`: the address of the index whose JSON is ARGUMENT
//! - `mount`: nothing, after the blob ARGUMENT (`REPOSITORY@DIGEST`) was mounted

use std::env;
use std::error::Error;
use std::process::ExitCode;

type Outcome = Result<String, Box<dyn Error>>;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &[u8] =
    br#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;

/// What the command line says.
struct Command {
    action: String,
    reference: String,
    argument: String,
    account: Option<(String, String)>,
}

/// Bytes that differ from place to place, so that a wrong order is found.
fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// The same actions for both crates, whose interfaces are alike.
macro_rules! actions {
    ($name:ident, $crate_name:ident) => {
        mod $name {
            use super::{content, Command, Outcome, CONFIG, LAYER};
            use $crate_name::client::{Client, ClientConfig, ClientProtocol, Config, ImageLayer};
            use $crate_name::secrets::RegistryAuth;
            use $crate_name::{Reference, RegistryOperation};

            pub async fn act(command: &Command) -> Outcome {
                let client = Client::new(ClientConfig {
                    protocol: ClientProtocol::Http,
                    ..ClientConfig::default()
                });
                let auth = match &command.account {
                    Some((user, password)) => RegistryAuth::Basic(user.clone(), password.clone()),
                    None => RegistryAuth::Anonymous,
                };
                let at: Reference = command.reference.parse()?;
                let argument = command.argument.as_str();
                Ok(match command.action.as_str() {
                    "login" => {
                        let token = client.auth(&at, &auth, RegistryOperation::Push).await?;
                        token.map(|_| String::new()).ok_or("no token")?
                    }
                    "push" => {
                        let bytes = content(argument.parse()?);
                        let layer = ImageLayer::new(bytes, LAYER.to_string(), None);
                        let config = Config::oci_v1(CONFIG.to_vec(), None);
                        let sent = client.push(&at, &[layer], config, &auth, None).await?;
                        sent.manifest_url
                    }
                    "pull" => {
                        let image = client.pull(&at, &auth, vec![LAYER]).await?;
                        let mut total = 0;
                        for layer in &image.layers {
                            if layer.data[..] != content(layer.data.len())[..] {
                                return Err("the layer is not what was pushed".into());
                            }
                            total += layer.data.len();
                        }
                        total.to_string()
                    }
                    "tags" => client.list_tags(&at, &auth, None, None).await?.tags.join("\n"),
                    "digest" => client.fetch_manifest_digest(&at, &auth).await?,
                    "index" => {
                        let index = serde_json::from_str(argument)?;
                        client.push_manifest_list(&at, &auth, index).await?
                    }
                    "mount" => {
                        let (repository, digest) = argument.split_once('@').ok_or("no digest")?;
                        let registry = at.registry().to_string();
                        let from = Reference::with_tag(registry, repository.into(), "1".into());
                        client.auth(&at, &auth, RegistryOperation::Push).await?;
                        client.mount_blob(&at, &from, digest).await?;
                        String::new()
                    }
                    other => return Err(format!("unknown action {other}").into()),
                })
            }
        }
    };
}

actions!(present, oci_client);
actions!(former, oci_distribution);

async fn run() -> Outcome {
    let mut words = env::args().skip(1);
    let chosen = words.next().ok_or("no crate is named")?;
    let command = Command {
        action: words.next().ok_or("no action is named")?,
        reference: words.next().ok_or("no reference is named")?,
        argument: words.next().unwrap_or_default(),
        account: env::var("ATCR_USER").ok().zip(env::var("ATCR_PASSWORD").ok()),
    };
    match chosen.as_str() {
        "oci-client" => present::act(&command).await,
        "oci-distribution" => former::act(&command).await,
        other => Err(format!("unknown crate {other}").into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
