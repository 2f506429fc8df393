// SPDX-License-Identifier: BSD-2-Clause

// Java's own HTTP client: the leaky twin looks at the status alone, and leaves the body as it came.
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;

public class Orders {
  private static final List<HttpURLConnection> kept = new ArrayList<>();

  static void loadOrders(int port, boolean leaky) throws Exception {
    URL url = new URL("http://127.0.0.1:" + port + "/large");
    HttpURLConnection connection = (HttpURLConnection) url.openConnection();
    if (connection.getResponseCode() != 200) {
      throw new IllegalStateException("no answer");
    }
    if (leaky) {
      kept.add(connection);
      return;
    }
    try (InputStream body = connection.getInputStream()) {
      body.readAllBytes();
    }
  }

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    int port = Integer.parseInt(args[2]);
    System.setProperty("http.keepAlive", "false"); // a connection for each, which is closed when read
    loadOrders(port, false); // so that it is compiled by the time the map is asked for
    System.out.println(ProcessHandle.current().pid());
    in.readLine();
    for (int i = 0; i < Integer.parseInt(args[1]); i++) {
      loadOrders(port, args[0].equals("leaky"));
    }
    System.out.println("opened");
    while (in.readLine() != null) {
    }
  }
}
