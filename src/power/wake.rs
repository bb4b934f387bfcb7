//! Waking a machine from the network: the magic packet. Nobody answers it, so it is only ever sent, never done.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

use crate::domain::WakeOnLan;

/// Six bytes of ones, then the address sixteen times (AMD's white paper 20213 on Magic Packet Technology).
pub fn magic_packet(mac: [u8; 6]) -> [u8; 102] {
    let mut packet = [0xff; 102];
    for (place, byte) in packet.iter_mut().skip(6).zip(mac.iter().cycle()) {
        *place = *byte;
    }
    packet
}

/// Sends the packet three times: on its way nobody repeats what is lost.
pub async fn wake(way: &WakeOnLan) -> io::Result<()> {
    let any: SocketAddr = match way.to {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.set_broadcast(true)?;
    let packet = magic_packet(way.mac);
    for _ in 0..3 {
        socket.send_to(&packet, way.to).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_packet_arrives_as_the_paper_says() {
        let ear = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mac = [0x00, 0x1b, 0x21, 0xab, 0xcd, 0xef];
        let to = ear.local_addr().unwrap();
        wake(&WakeOnLan { mac, to }).await.unwrap();
        let mut heard = [0; 200];
        let (length, _) = ear.recv_from(&mut heard).await.unwrap();
        assert_eq!(length, 102);
        assert_eq!(heard[..6], [0xff; 6]);
        for copy in heard[6..length].chunks(6) {
            assert_eq!(copy, mac);
        }
    }
}
