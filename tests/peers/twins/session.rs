// SPDX-License-Identifier: BSD-2-Clause

// Rust: the leaky twin forgets its stream.
use std::io::{BufRead, Read, Write};
use std::net::TcpStream;

mod shop {
    use super::*;

    pub trait Visit {
        fn visit(&self, port: u16, leaky: bool) -> std::io::Result<()>;
    }

    pub struct Cart;

    impl Visit for Cart {
        #[inline(never)]
        fn visit(&self, port: u16, leaky: bool) -> std::io::Result<()> {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            let mut answer = [0u8; 4096];
            stream.write_all(b"GET / HTTP/1.1\r\nHost: twin\r\n\r\n")?;
            let _ = stream.read(&mut answer)?;
            if leaky {
                std::mem::forget(stream);
            }
            Ok(())
        }
    }
}

fn main() {
    use shop::Visit;
    let args: Vec<String> = std::env::args().collect();
    if args.len() < 4 {
        eprintln!("usage: session leaky|mended COUNT PORT [wait]");
        std::process::exit(2);
    }
    let waits = args.len() > 4;
    let stdin = std::io::stdin();
    if waits {
        let mut line = String::new();
        println!("{}", std::process::id());
        stdin.lock().read_line(&mut line).unwrap();
    }
    for _ in 0..args[2].parse::<u32>().unwrap() {
        shop::Cart.visit(args[3].parse().unwrap(), args[1] == "leaky").unwrap();
    }
    if waits {
        let mut rest = Vec::new();
        println!("opened");
        stdin.lock().read_to_end(&mut rest).unwrap();
    }
}
