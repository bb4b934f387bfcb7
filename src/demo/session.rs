//! The server's side of one SSH connection: who may log in, and which program each channel speaks with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::keys::PublicKey;
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Pty};

use crate::machine::wire::is_sampler_command;
use crate::tasks::Tasks;

use super::answers::Said;
use super::command::{self, Program};
use super::engine_api;
use super::hypervisor;
use super::journal::Query;
use super::keeps;
use super::node::Node;
use super::play;
use super::sampler::Sampler;
use super::serving;
use super::syslog::{Ask, Tail};
use super::{Faults, LoginRule};

/// The socket of the container daemon.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";
/// What a script reads at most.
const MOST_INPUT: usize = 64 * 1024;
/// How often a followed journal is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// SSH's number for standard error (RFC 4254 §5.2).
const STDERR: u32 = 1;

/// One connection.
pub(super) struct Login {
    node: Arc<Node>,
    tasks: Tasks,
    faults: Faults,
    channels: HashMap<ChannelId, Far>,
}

/// What a channel speaks with.
enum Far {
    /// Nothing yet: an exec or a shell is to come.
    Open(ChannelWriteHalf<Msg>),
    /// The sampler.
    Sampler(Sampler),
    /// A program that gives back its input.
    Echo,
    /// One of the console's scripts that reads its input to the end, with what it has read.
    Reads(keeps::Ask, Vec<u8>),
    /// A follower of the log file, which is asked in beats.
    Tail(Tail),
    /// A program that takes no input.
    Deaf,
}

impl Login {
    pub(super) fn new(node: Arc<Node>, tasks: Tasks, faults: Faults) -> Self {
        Self {
            node,
            tasks,
            faults,
            channels: HashMap::new(),
        }
    }

    fn admits(&self, key: &PublicKey) -> Auth {
        if self.faults.login == LoginRule::Key && self.node.knows(key) {
            Auth::Accept
        } else {
            Auth::reject()
        }
    }

    fn start(
        &mut self,
        channel: ChannelId,
        line: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let Some(Far::Open(writer)) = self.channels.insert(channel, Far::Deaf) else {
            return session.channel_failure(channel);
        };
        session.channel_success(channel)?;
        let floods = self.faults.flood_on.as_ref();
        if floods.is_some_and(|text| line.contains(text)) {
            self.tasks.spawn(flood(writer));
            return Ok(());
        }
        session.data(channel, self.faults.chatter.clone())?;
        if let Some(args) = is_sampler_command(line) {
            let sampler = Sampler::new(args);
            session.data(channel, sampler.hello(&self.node.world()))?;
            self.channels.insert(channel, Far::Sampler(sampler));
            return Ok(());
        }
        let program = command::start(line, self.node.name(), &mut self.node.world());
        self.speak(channel, program, writer, session)
    }

    /// Does what a program does, on its channel.
    fn speak(
        &mut self,
        channel: ChannelId,
        program: Program,
        writer: ChannelWriteHalf<Msg>,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match program {
            Program::Ends { out, err, status } => {
                session.data(channel, out)?;
                session.extended_data(channel, STDERR, err)?;
                self.ended(channel, status, session)
            }
            Program::Echoes => {
                self.channels.insert(channel, Far::Echo);
                Ok(())
            }
            Program::Reboots => {
                self.tasks
                    .spawn(hypervisor::restart(Arc::clone(&self.node)));
                self.ended(channel, 0, session)
            }
            Program::Floods => {
                self.tasks.spawn(flood(writer));
                Ok(())
            }
            Program::Syslog(Ask::Tail(tail)) => {
                self.channels.insert(channel, Far::Tail(tail));
                Ok(())
            }
            Program::Syslog(ask) => {
                let (file, now) = self.node.syslog();
                session.data(channel, file.answer(&ask, now))?;
                self.ended(channel, 0, session)
            }
            Program::Keeps(ask) if ask.reads() => {
                self.channels.insert(channel, Far::Reads(ask, Vec::new()));
                Ok(())
            }
            Program::Keeps(ask) => self.keeps(channel, &ask, &[], session),
            Program::Looks(look) => {
                let Said { out, err, status } = self.node.look(&look);
                session.data(channel, out)?;
                session.extended_data(channel, STDERR, err)?;
                self.ended(channel, status, session)
            }
            Program::Journal(query) => {
                let (past, told) = self
                    .node
                    .journal(|world, booted, now| (query.past(world, booted, now), now));
                session.data(channel, past)?;
                if !query.follows {
                    return self.ended(channel, 0, session);
                }
                let node = Arc::clone(&self.node);
                self.tasks.spawn(follow(node, query, told, writer));
                Ok(())
            }
        }
    }

    /// Answers one of the console's scripts, and plays what it begins.
    fn keeps(
        &mut self,
        channel: ChannelId,
        ask: &keeps::Ask,
        input: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let (said, begun) = self.node.keeps(ask, &String::from_utf8_lossy(input));
        if let Some(id) = begun {
            self.tasks.spawn(play::play(Arc::clone(&self.node), id));
        }
        session.data(channel, said)?;
        self.ended(channel, 0, session)
    }

    fn ended(
        &mut self,
        channel: ChannelId,
        status: u32,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.channels.remove(&channel);
        session.exit_status_request(channel, status)?;
        session.eof(channel)?;
        session.close(channel)
    }
}

impl Handler for Login {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.admits(offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        _user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.admits(key.public_key))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let LoginRule::Prompt { prompt, answer } = &self.faults.login else {
            return Ok(Auth::reject());
        };
        let Some(mut given) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "the demo asks".into(),
                prompts: vec![(prompt.clone().into(), false)].into(),
            });
        };
        if given.next().is_some_and(|given| given == answer.as_bytes()) {
            Ok(Auth::Accept)
        } else {
            Ok(Auth::reject())
        }
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        // The read half would fill and stall the connection if nobody drained it; input comes through `data`.
        let (_, writer) = channel.split();
        self.channels.insert(writer.id(), Far::Open(writer));
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if socket_path == DOCKER_SOCKET && self.node.profile().docker {
            reply.accept().await;
            self.tasks
                .spawn(engine_api::serve(Arc::clone(&self.node), channel));
        } else {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
        }
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        _host: &str,
        port: u32,
        _from: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        match serving::port(&self.node, port) {
            Some(_) => {
                reply.accept().await;
                self.tasks
                    .spawn(serving::serve(Arc::clone(&self.node), port, channel));
            }
            None => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _pixel_width: u32,
        _pixel_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let words = format!(
            "{} is simulated: it has readings and processes, but no shell.\r\n",
            self.node.name()
        );
        session.data(channel, words)?;
        self.ended(channel, 0, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let line = String::from_utf8_lossy(data).into_owned();
        self.start(channel, &line, session)
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.channels.get_mut(&channel) {
            Some(Far::Sampler(sampler)) => {
                let answer = sampler.hear(data, self.node.name(), &self.node.world(), &self.faults);
                session.data(channel, answer)
            }
            Some(Far::Echo) => session.data(channel, Bytes::copy_from_slice(data)),
            Some(Far::Reads(_, read)) => {
                let room = MOST_INPUT.saturating_sub(read.len());
                read.extend(data.iter().take(room));
                Ok(())
            }
            Some(Far::Tail(tail)) => {
                let (file, now) = self.node.syslog();
                let (new, word) = file.beat(tail, now);
                session.data(channel, new)?;
                session.extended_data(channel, STDERR, word)
            }
            Some(Far::Open(_) | Far::Deaf) | None => Ok(()),
        }
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.channels.get(&channel) {
            Some(Far::Sampler(_) | Far::Echo | Far::Tail(_)) => self.ended(channel, 0, session),
            Some(Far::Reads(..)) => match self.channels.insert(channel, Far::Deaf) {
                Some(Far::Reads(ask, read)) => self.keeps(channel, &ask, &read, session),
                _ => Ok(()),
            },
            Some(Far::Open(_) | Far::Deaf) | None => Ok(()),
        }
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.remove(&channel);
        Ok(())
    }
}

/// Prints what the journal gets, until the channel is closed.
async fn follow(node: Arc<Node>, query: Query, mut told: i64, writer: ChannelWriteHalf<Msg>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let (said, now) =
            node.journal(|world, booted, now| (query.live(world, booted, (told, now)), now));
        told = now;
        if !said.is_empty() && writer.data_bytes(Bytes::from(said)).await.is_err() {
            return;
        }
    }
}

/// Prints as fast as the reader's window allows, until the channel is closed.
async fn flood(writer: ChannelWriteHalf<Msg>) {
    let lines = Bytes::from("y\n".repeat(8 * 1024));
    while writer.data_bytes(lines.clone()).await.is_ok() {}
}
