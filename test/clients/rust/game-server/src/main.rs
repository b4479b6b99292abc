//! A game server on the crate `agones` as it is published. What it does, and prints, is told in ../../README.md.

use std::time::Duration;

use agones::{GameServer, Sdk};
use tokio::time::sleep;

const PING_EVERY: Duration = Duration::from_secs(1);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut sdk = Sdk::new(None, None).await?;
    let name = sdk
        .get_gameserver()
        .await?
        .object_meta
        .map(|meta| meta.name);
    println!(
        "connected to the SDK server of {}",
        name.unwrap_or_default()
    );

    let health = sdk.health_check();
    tokio::spawn(async move {
        while health.send(()).await.is_ok() {
            sleep(PING_EVERY).await;
        }
    });

    let mut watch = sdk.clone().watch_gameserver().await?;
    sdk.ready().await?;
    println!("asked for Ready");

    let mut last_state = String::new();
    let mut over = false;
    while let Some(game_server) = watch.message().await? {
        let state = state_of(&game_server);
        if state != last_state {
            println!("watch: {state}");
            last_state = state.clone();
            match state.as_str() {
                "Allocated" => play(&mut sdk, &game_server).await?,
                "Shutdown" => return Ok(()),
                _ => {}
            }
        }
        if label(&game_server, "race") == "over" && !over {
            over = true;
            sdk.shutdown().await?;
            println!("asked for Shutdown");
        }
    }
    Err("the watch ended before Shutdown".into())
}

async fn play(sdk: &mut Sdk, game_server: &GameServer) -> Result<(), Failure> {
    println!("allocated for mode {}", label(game_server, "mode"));
    let mut beta = sdk.beta().clone();

    beta.increment_counter("rooms", 2).await?;
    println!(
        "rooms: {} of {}",
        beta.get_counter_count("rooms").await?,
        beta.get_counter_capacity("rooms").await?
    );
    refused("rooms", beta.increment_counter("rooms", 50).await)?;
    refused("no such counter", beta.get_counter_count("nothing").await)?;

    beta.append_list_value("crew", "bob").await?;
    beta.delete_list_value("crew", "ann").await?;
    println!("crew: {}", beta.get_list_values("crew").await?.join(", "));
    refused("crew", beta.append_list_value("crew", "bob").await)?;
    refused("capacity of crew", beta.set_list_capacity("crew", 9).await)?;

    refused("players", sdk.alpha().clone().get_player_count().await)?;
    refused("label", sdk.set_label("not a key", "x").await)?;
    sdk.set_annotation("note", "any {text} goes").await?;
    sdk.set_label("client", "rust").await?;
    println!("set its label");
    Ok(())
}

/// Prints how a call was refused; it is a fault when it was not.
fn refused<T>(what: &str, outcome: Result<T, agones::errors::Error>) -> Result<(), Failure> {
    match outcome {
        Err(agones::errors::Error::Rpc(status)) => {
            println!(
                "refused {what}: {:?}: {}",
                status.code(),
                first_words(status.message())
            );
            Ok(())
        }
        Err(other) => Err(other.into()),
        Ok(_) => Err(format!("{what} was not refused").into()),
    }
}

fn first_words(text: &str) -> &str {
    text.split(['.', ':']).next().unwrap_or(text)
}

fn state_of(game_server: &GameServer) -> String {
    game_server
        .status
        .as_ref()
        .map(|status| status.state.clone())
        .unwrap_or_default()
}

fn label(game_server: &GameServer, key: &str) -> String {
    let meta = game_server.object_meta.as_ref();
    meta.and_then(|meta| meta.labels.get(key).cloned())
        .unwrap_or_default()
}
