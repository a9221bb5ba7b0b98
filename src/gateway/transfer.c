/*-------------------------------------------------------------------------
 *
 * transfer.c
 *	  One HTTP request: bounded, timed, to an address that is allowed.
 *
 * Purpose: see transfer.h.
 * Runs in: the gateway.
 * Locks:	none.
 * Never:	leave a secret in memory of ours once the request has ended.
 *
 * A transfer's memory and its handle are used again, since each costs more than
 * the rest of a small request.
 *
 *-------------------------------------------------------------------------
 */
#include "transfer_parts.h"

#include "lookup.h"
#include "shmem/shared.h"

#define POOL_MOST		256		/* ended transfers that are kept for the next */
#define POOL_BUFFER		(32 * 1024) /* bytes of a buffer that are kept with one */
#define URL_MAX			(64 * 1024)

static bool begin_anew(RecoTransfer *transfer);
static RecoTransfer *take(void);
static void give_back(RecoTransfer *transfer);
static void wipe_request(RecoTransfer *transfer);
static void empty(RecoBuffer *buffer, bool wipe);
static void finish(RecoTransfer *transfer, CURLcode code);
static void fill_measures(RecoTransfer *transfer);
static void fill_response(RecoTransfer *transfer, int status, bool truncated);
static RecoTransferEnd end_of(const RecoTransfer *transfer, CURLcode code, int status);
static void put_message(RecoTransfer *transfer, CURLcode code);

static RecoTransfer *pool = NULL;
static int	npool = 0;

/* Starts a request. */
RecoTransfer *
reco_transfer_start(const RecoHttpRequest *request, const RecoOptions *options,
					const char *secret, int64 timeout_us, int lane,
					RecoTransferEnded ended, void *owner)
{
	RecoTransfer *transfer = take();

	if (transfer == NULL)
		return NULL;
	transfer->ended = ended;
	transfer->owner = owner;
	transfer->lane = lane;
	transfer->result.started_at = reco_now_us();
	timeout_us = Max(timeout_us, 1000);
	transfer->deadline = transfer->result.started_at + timeout_us;
	transfer->running =
		reco_transfer_set_up(transfer, request, options, secret, timeout_us) &&
		reco_reactor_add(transfer->easy, transfer->deadline, false);
	if (transfer->running)
		return transfer;
	give_back(transfer);
	return NULL;
}

/* Ends a transfer that is under way; nobody is told. */
void
reco_transfer_abort(RecoTransfer *transfer)
{
	if (transfer->running)
		reco_reactor_remove(transfer->easy);
	transfer->running = false;
	reco_transfer_end_lookup(transfer, true);
	give_back(transfer);
}

/* Frees a transfer that has ended. */
void
reco_transfer_free(RecoTransfer *transfer)
{
	Assert(!transfer->running);
	give_back(transfer);
}

/* Tells a transfer's owner how it ended. */
void
reco_transfer_handle_ended(CURL *easy, CURLcode result)
{
	RecoTransfer *transfer = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	transfer->running = begin_anew(transfer);
	if (transfer->running)
		return;
	finish(transfer, result);
	wipe_request(transfer);
	transfer->ended(transfer->owner, &transfer->result);
}

/*
 * Lets a transfer wait whose name may not be resolved as long as others resolve it,
 * as they do when many begin at once; false where that is not why it ended.
 */
static bool
begin_anew(RecoTransfer *transfer)
{
	if (!transfer->overloaded || reco_lookup_under_way(transfer->lane) == 0 ||
		reco_now_us() >= transfer->deadline)
		return false;
	if (!reco_reactor_add(transfer->easy, transfer->deadline, true))
		return false;
	transfer->overloaded = false;
	transfer->error[0] = '\0';
	return true;
}

/* Takes a transfer from the pool, or makes one; NULL = no memory. */
static RecoTransfer *
take(void)
{
	RecoTransfer *transfer = pool;

	if (transfer)
	{
		pool = transfer->next;
		npool--;
		curl_easy_reset(transfer->easy);
	}
	else
	{
		transfer = calloc(1, sizeof(RecoTransfer));
		if (transfer == NULL)
			return NULL;
		reco_buffer_init(&transfer->url, URL_MAX);
		reco_buffer_init(&transfer->body, RECO_TRANSFER_BODY_MAX);
		transfer->easy = curl_easy_init();
		if (transfer->easy == NULL)
		{
			free(transfer);
			return NULL;
		}
	}
	transfer->next = NULL;
	transfer->nlines = 0;
	transfer->looking_up = false;
	transfer->opened = false;
	transfer->forbidden = false;
	transfer->overloaded = false;
	transfer->starved = false;
	transfer->died = false;
	transfer->too_large = false;
	transfer->headers_done = false;
	transfer->header_bytes = 0;
	transfer->error[0] = '\0';
	memset(&transfer->result, 0, sizeof(transfer->result));
	reco_headers_init(&transfer->headers);
	return transfer;
}

/* Puts a transfer into the pool, without anything of the request. */
static void
give_back(RecoTransfer *transfer)
{
	wipe_request(transfer);
	empty(&transfer->body, true);	/* it may have been a token */
	if (npool < POOL_MOST)
	{
		transfer->next = pool;
		pool = transfer;
		npool++;
		return;
	}
	curl_easy_cleanup(transfer->easy);
	reco_buffer_free(&transfer->url, false);
	reco_buffer_free(&transfer->secret, true);
	reco_buffer_free(&transfer->content_type, false);
	reco_buffer_free(&transfer->sent, true);
	reco_buffer_free(&transfer->body, true);
	free(transfer);
}

/* Forgets what was sent. */
static void
wipe_request(RecoTransfer *transfer)
{
	empty(&transfer->url, false);
	empty(&transfer->secret, true);
	empty(&transfer->content_type, false);
	empty(&transfer->sent, true);
	transfer->nlines = 0;
}

/* Empties a buffer, and gives memory back that the next request hardly needs. */
static void
empty(RecoBuffer *buffer, bool wipe)
{
	if (buffer->size > POOL_BUFFER)
	{
		reco_buffer_free(buffer, wipe);
		return;
	}
	if (wipe && buffer->len > 0)
		reco_wipe(buffer->data, buffer->len);
	reco_buffer_reset(buffer);
}

/* Fills the result in. */
static void
finish(RecoTransfer *transfer, CURLcode code)
{
	RecoTransferResult *result = &transfer->result;
	long		status = 0;

	reco_transfer_end_lookup(transfer, code != CURLE_COULDNT_RESOLVE_HOST);
	fill_measures(transfer);
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 599 || !transfer->headers_done)
		status = 0;
	result->end = end_of(transfer, code, (int) status);
	result->repeatable = transfer->idempotent || result->bytes_sent == 0;
	result->ours = result->end != RECO_TRANSFER_ANSWERED && code != CURLE_OK &&
		(transfer->overloaded || code == CURLE_OUT_OF_MEMORY ||
		 code == CURLE_FAILED_INIT ||
		 (transfer->starved && code != CURLE_OPERATION_TIMEDOUT));
	fill_response(transfer, (int) status, code != CURLE_OK);
	if (result->end != RECO_TRANSFER_ANSWERED)
		put_message(transfer, code);
}

/* Times, bytes, and the peer, as libcurl has measured them. */
static void
fill_measures(RecoTransfer *transfer)
{
	RecoTransferResult *result = &transfer->result;
	CURL	   *easy = transfer->easy;
	curl_off_t	name_us = 0;
	curl_off_t	connect_us = 0;
	curl_off_t	tls_us = 0;
	curl_off_t	uploaded = 0;
	curl_off_t	downloaded = 0;
	long		request_bytes = 0;
	long		header_bytes = 0;
	long		connects = 0;
	const char *address = NULL;

	curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &name_us);
	curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect_us);
	curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &tls_us);
	curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &downloaded);
	curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes);
	curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &header_bytes);
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);

	result->ended_at = reco_now_us();
	result->name_us = name_us;
	result->connect_us = connect_us;
	result->tls_us = tls_us;
	result->bytes_sent = request_bytes + uploaded;
	result->bytes_received = header_bytes + downloaded;
	result->new_connection = connects > 0;
	strlcpy(result->address, address ? address : "", sizeof(result->address));
}

/* The answer, as far as there is one. */
static void
fill_response(RecoTransfer *transfer, int status, bool truncated)
{
	RecoHttpResponse *response = &transfer->result.response;
	const RecoHeaders *headers = &transfer->headers;
	bool		answered = transfer->result.end == RECO_TRANSFER_ANSWERED;

	response->status = status;
	response->content = headers->content;
	response->retry_after_ms = headers->retry_after_ms;
	if (response->retry_after_ms < 0 && status == 429)
		response->retry_after_ms = headers->reset_ms;
	response->date = headers->date;
	response->truncated = answered && truncated;
	response->body = answered && transfer->body.data ? transfer->body.data : "";
	response->body_len = answered ? transfer->body.len : 0;
}

/* How it ended. 'status' is 0 where there is no complete head of an answer. */
static RecoTransferEnd
end_of(const RecoTransfer *transfer, CURLcode code, int status)
{
	if (transfer->too_large)
		return RECO_TRANSFER_TOO_LARGE;
	if (transfer->overloaded || transfer->died)
		return RECO_TRANSFER_NO_CONNECTION;

	/* whatever libcurl calls it: CURLE_OPERATION_TIMEDOUT where an earlier connection of
	 * the process ended so */
	if (transfer->forbidden && !transfer->opened)
		return RECO_TRANSFER_FORBIDDEN_ADDRESS;
	switch (code)
	{
		case CURLE_OK:
			if (status == 0 && !transfer->headers_done)
				return RECO_TRANSFER_NO_CONNECTION; /* closed inside the head */
			return status ? RECO_TRANSFER_ANSWERED : RECO_TRANSFER_FAILED;
		case CURLE_OPERATION_TIMEDOUT:
			return RECO_TRANSFER_TIMEOUT;
		case CURLE_FILESIZE_EXCEEDED:
			return RECO_TRANSFER_TOO_LARGE;
		case CURLE_PARTIAL_FILE:
		case CURLE_RECV_ERROR:
		case CURLE_SEND_ERROR:
		case CURLE_HTTP2:
		case CURLE_HTTP2_STREAM:
		case CURLE_BAD_CONTENT_ENCODING:
			/* the head was complete, so what is missing is of the body */
			return status ? RECO_TRANSFER_ANSWERED : RECO_TRANSFER_NO_CONNECTION;
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_CONNECT:
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_GOT_NOTHING:
			return RECO_TRANSFER_NO_CONNECTION;
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_INVALIDCERTSTATUS:
			return RECO_TRANSFER_BAD_CERTIFICATE;
		default:
			return RECO_TRANSFER_FAILED;
	}
}

/* Says for people what went wrong, in printable ASCII. */
static void
put_message(RecoTransfer *transfer, CURLcode code)
{
	const char *text = transfer->error[0] ? transfer->error : curl_easy_strerror(code);
	char	   *message = transfer->result.message;
	size_t		len;

	if (transfer->result.end == RECO_TRANSFER_FORBIDDEN_ADDRESS)
		text = "the host's address is none that the server's options allow";
	else if (transfer->result.end == RECO_TRANSFER_TOO_LARGE)
		text = "the answer is too large";
	else if (transfer->overloaded)
		text = "name resolution is overloaded";
	else if (transfer->starved && code != CURLE_OPERATION_TIMEDOUT)
		text = "the gateway is short of file descriptors or memory";
	else if (transfer->died || (code == CURLE_OK && !transfer->headers_done))
		text = "the connection was closed before the answer";
	else if (code == CURLE_FAILED_INIT)
		text = "the transfer was given up because libcurl failed";
	else if (code == CURLE_OK)
		text = "the answer has no valid status";
	strlcpy(message, text, sizeof(transfer->result.message));
	len = strlen(message);
	while (len > 0 && (message[len - 1] == '\n' || message[len - 1] == '.'))
		message[--len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (message[i] < 0x20 || message[i] > 0x7E)
			message[i] = '?';
}
