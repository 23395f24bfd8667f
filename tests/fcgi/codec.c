#include "unit.h"

CU_TestInfo fcgi_codec_tests[] = {
	CU_TEST_INFO_NULL,
};
