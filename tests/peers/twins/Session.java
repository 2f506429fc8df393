// SPDX-License-Identifier: BSD-2-Clause

// Java: the leaky twin has no try-with-resources around its socket.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;

public class Session {
  private static final List<Socket> kept = new ArrayList<>(); // or the collector would close them

  static void payInvoice(int port, boolean leaky) throws Exception {
    Socket socket = new Socket("127.0.0.1", port);
    socket.getOutputStream().write("GET / HTTP/1.1\r\nHost: twin\r\n\r\n".getBytes());
    if (socket.getInputStream().read(new byte[4096]) <= 0) {
      throw new IllegalStateException("no answer");
    }
    if (leaky) {
      kept.add(socket);
    } else {
      socket.close();
    }
  }

  public static void main(String[] args) throws Exception {
    if (args.length < 3) {
      System.err.println("usage: Session leaky|mended COUNT PORT [wait]");
      System.exit(2);
    }
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    int count = Integer.parseInt(args[1]);
    int port = Integer.parseInt(args[2]);
    boolean waits = args.length > 3;
    if (waits) {
      payInvoice(port, false); // so that it is compiled by the time the map is asked for
      System.out.println(ProcessHandle.current().pid());
      in.readLine();
    }
    for (int i = 0; i < count; i++) {
      payInvoice(port, args[0].equals("leaky"));
    }
    if (waits) {
      System.out.println("opened");
      while (in.readLine() != null) {
      }
    }
  }
}
