// What the bench asks of Tomcat: looks its session up, counts in it, answers about as much as whoami.
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;

public class Counter extends HttpServlet {
  private static final long FIRST = 1_000_000_000L;  // all answers have one length

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    HttpSession session = request.getSession();
    AtomicLong count = (AtomicLong) session.getAttribute("count");
    if (count == null) session.setAttribute("count", count = new AtomicLong());
    String body = "{\"data\":{\"session\":\"" + session.getId() + "\",\"count\":\""
        + (FIRST + count.incrementAndGet())
        + "\",\"user\":\"anna\",\"user_id\":3,\"context_id\":1,\"node\":\""
        + request.getLocalName() + "\",\"takenOver\":false,\"version\":\"10.1\"}}";
    response.setContentType("application/json");
    response.setCharacterEncoding("UTF-8");
    response.setContentLength(body.length());
    response.getWriter().write(body);
  }
}
