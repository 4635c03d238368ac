import { encode } from "./bytes";
import { head_answer } from "./host";
import { Packed } from "./packed";
import { done } from "./refusal";

/** A whole response that a plugin gives by itself, instead of the upstream. */
export class Answer {
  private fields: Packed = new Packed();
  private body: Uint8Array = new Uint8Array(0);

  /** An answer without a body. The status is one of 200 to 599. */
  constructor(private status: i32) {}

  /** An answer in plain text. */
  static text(status: i32, text: string): Answer {
    return Answer.bytes(status, "text/plain; charset=utf-8", encode(text));
  }

  /** An answer in HTML. */
  static html(status: i32, html: string): Answer {
    return Answer.bytes(status, "text/html; charset=utf-8", encode(html));
  }

  /** An answer in JSON: `json` is the text of it. `Json.quote` writes a string. */
  static json(status: i32, json: string): Answer {
    return Answer.bytes(status, "application/json", encode(json));
  }

  /** An answer that sends the client elsewhere; the status is usually 302, 303, 307 or 308. */
  static redirect(status: i32, location: string): Answer {
    return new Answer(status).header("location", location);
  }

  /** An answer of some content type. */
  static bytes(status: i32, contentType: string, body: Uint8Array): Answer {
    const answer = new Answer(status).header("content-type", contentType);
    answer.body = body;
    return answer;
  }

  /** Adds a header field. The gateway checks it when the answer is given; `content-length` is the gateway's to set. */
  header(name: string, value: string): Answer {
    return this.headerBytes(name, encode(value));
  }

  /** Adds a header field, its value as bytes. */
  headerBytes(name: string, value: Uint8Array): Answer {
    this.fields.add(name, value);
    return this;
  }

  /** Gives it to the gateway. */
  give(): bool {
    const answer = head_answer(
      this.status,
      this.fields.start,
      this.fields.length,
      this.body.dataStart,
      this.body.length,
    );
    return done(answer, "answer with", this.status.toString());
  }
}
