import { head_answer } from "./host";
import { done } from "./refusal";

/** A whole response that a plugin gives by itself, instead of the upstream. */
export class Answer {
  /** For each field: length of the name, length of the value, each four bytes, little-endian; name and value. */
  private fields: u8[] = [];
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
    const nameBytes = encode(name);
    this.length(nameBytes.length);
    this.length(value.length);
    this.append(nameBytes);
    this.append(value);
    return this;
  }

  /** Gives it to the gateway. */
  give(): bool {
    const answer = head_answer(
      this.status,
      this.fields.dataStart,
      this.fields.length,
      this.body.dataStart,
      this.body.length,
    );
    return done(answer, "answer with", this.status.toString());
  }

  private length(length: i32): void {
    for (let shift = 0; shift < 32; shift += 8) this.fields.push(<u8>(length >> shift));
  }

  private append(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; ++i) this.fields.push(bytes[i]);
  }
}

function encode(text: string): Uint8Array {
  return Uint8Array.wrap(String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE));
}
